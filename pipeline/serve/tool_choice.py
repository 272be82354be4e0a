"""Which tools a reply may call, or must: OpenAI's `tool_choice` of both endpoints.

In: the field as JSON gives it, and the names of the request's tools. Out: a `ToolChoice`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pipeline.serve.field_errors import InvalidField

MODES = ("none", "auto", "required")


@dataclasses.dataclass(frozen=True)
class ToolChoice:
    """What a reply may do.

    Args:
        mode: `none`: no call; `auto`: as the model likes; `required`: one call at least.
        names: of the tools that may be called; those of all tools, unless fewer were named.
        named: whether one tool was asked for by its name.
    """

    mode: Literal["none", "auto", "required"]
    names: tuple[str, ...] = ()
    named: bool = False


NO_CHOICE = ToolChoice("none")


def tool_choice(value: Any, names: Sequence[str], field: str = "tool_choice") -> ToolChoice:
    """The choice.

    Args:
        value: `none`, `auto`, `required`, a function by its name, or `allowed_tools`; as chat has
            it (`{"type": "function", "function": {"name": …}}`), or responses, without `function`.
            None: `auto` where there are tools.
        names: of the request's tools.
        field: what it is called in the request.

    Raises:
        InvalidField: it is something else, or names a tool that the request doesn't have.
    """
    known = tuple(names)
    if value is None:
        return ToolChoice("auto", known) if known else ToolChoice("none")
    if isinstance(value, str):
        if value not in MODES:
            raise InvalidField(field, f"must be one of {', '.join(MODES)}, or name a function")
        if value == "required" and not known:
            raise InvalidField(field, "is 'required', and the request has no tools to call")
        mode: Any = value if known else "none"
        return ToolChoice(mode, known)
    if not isinstance(value, Mapping):
        raise InvalidField(field, "must be a text or an object")
    if value.get("type") == "function":
        return ToolChoice("required", (_name(value, known, field),), named=True)
    if value.get("type") == "allowed_tools":
        nested = value.get("allowed_tools")
        inner = nested if isinstance(nested, Mapping) else value
        listed, mode = inner.get("tools"), inner.get("mode", "auto")
        if not isinstance(listed, list) or not listed or mode not in ("auto", "required"):
            raise InvalidField(field, "allowed_tools needs tools, and mode 'auto' or 'required'")
        allowed = {_name(one, known, f"{field}.tools[{at}]") for at, one in enumerate(listed)}
        return ToolChoice(mode, tuple(name for name in known if name in allowed))
    raise InvalidField(f"{field}.type", "must be 'function' or 'allowed_tools'")


def _name(value: Any, known: tuple[str, ...], field: str) -> str:
    if not isinstance(value, Mapping) or value.get("type") != "function":
        raise InvalidField(field, "must be a function by its name")
    nested = value.get("function")
    name = (nested if isinstance(nested, Mapping) else value).get("name")
    if not isinstance(name, str) or name not in known:
        there = ", ".join(known) or "none"
        raise InvalidField(field, f"names {name!r:.80}, and the request's tools are: {there}")
    return name
