"""OpenAI's `tool_choice` in every form, and what is no form of it."""

from typing import Any

import pytest

from pipeline.serve.field_errors import InvalidField
from pipeline.serve.tool_choice import ToolChoice, tool_choice

NAMES = ("f", "g")


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        (None, ToolChoice("auto", NAMES)),
        ("auto", ToolChoice("auto", NAMES)),
        ("none", ToolChoice("none", NAMES)),
        ("required", ToolChoice("required", NAMES)),
        ({"type": "function", "function": {"name": "g"}}, ToolChoice("required", ("g",), True)),
        ({"type": "function", "name": "g"}, ToolChoice("required", ("g",), True)),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
            ToolChoice("required", ("f",)),
        ),
        (
            {
                "type": "allowed_tools",
                "tools": [{"type": "function", "name": name} for name in ("g", "f")],
            },
            ToolChoice("auto", NAMES),
        ),
    ],
)
def test_forms(value: Any, choice: ToolChoice) -> None:
    assert tool_choice(value, NAMES) == choice


def test_without_tools_there_is_no_choice() -> None:
    assert tool_choice(None, ()).mode == "none"
    assert tool_choice("auto", ()).mode == "none"


@pytest.mark.parametrize(
    ("value", "names", "why"),
    [
        ("any", NAMES, "must be one of none, auto, required"),
        ("required", (), "no tools to call"),
        (3, NAMES, "a text or an object"),
        ({"type": "mcp"}, NAMES, "must be 'function' or 'allowed_tools'"),
        ({"type": "function", "function": {"name": "h"}}, NAMES, "names 'h'.*tools are: f, g"),
        ({"type": "function", "function": {"name": 3}}, NAMES, "names 3"),
        ({"type": "function", "name": "f"}, (), "tools are: none"),
        ({"type": "allowed_tools", "tools": []}, NAMES, "needs tools"),
        ({"type": "allowed_tools", "tools": ["f"]}, NAMES, "a function by its name"),
        (
            {"type": "allowed_tools", "mode": "none", "tools": [{"type": "function", "name": "f"}]},
            NAMES,
            "mode 'auto' or 'required'",
        ),
    ],
)
def test_what_is_none_is_refused(value: Any, names: tuple[str, ...], why: str) -> None:
    with pytest.raises(InvalidField, match=why) as refused:
        tool_choice(value, names)
    assert str(refused.value.param).startswith("tool_choice")
