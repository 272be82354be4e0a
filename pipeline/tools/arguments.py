"""Arguments of a call, checked against the tool's JSON Schema.

Of the standard these words are understood, and a schema with others is refused when the tool is
made: type, properties, required, additionalProperties (false), items, enum, minimum, maximum,
minLength, maxLength, description. Unknown arguments are refused even where the schema doesn't say.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.tools.tool import ToolError
from storage import strict_json

WORDS = {
    *("type", "description", "properties", "required", "additionalProperties", "items", "enum"),
    *("minimum", "maximum", "minLength", "maxLength"),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def check_schema(schema: Mapping[str, Any], where: str = "parameters") -> None:
    """Refuse a schema that says what isn't checked here.

    Raises:
        ValueError: it has an unknown word or type.
    """
    if unknown := set(schema) - WORDS:
        raise ValueError(f"{where}: no support for {', '.join(sorted(unknown))}")
    if schema.get("type") not in _TYPES:
        raise ValueError(f"{where}: unknown type {schema.get('type')!r}")
    if where == "parameters" and schema["type"] != "object":
        raise ValueError("parameters: must be an object")
    for name in schema.get("required", ()):
        if name not in schema.get("properties", {}):
            raise ValueError(f"{where}: {name} is required and no property")
    for name, inner in schema.get("properties", {}).items():
        check_schema(inner, f"{where}.{name}")
    if "items" in schema:
        check_schema(schema["items"], f"{where}[]")


def read(text: str, schema: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """The arguments that a call's JSON text holds.

    Raises:
        ToolError: it is too long, no JSON object, or doesn't fit the schema.
    """
    if not strict_json.is_unicode(text):
        raise ToolError("the arguments are no valid Unicode")
    if len(text.encode()) > max_bytes:
        raise ToolError(f"the arguments have more than {max_bytes:,} bytes")
    try:
        found = strict_json.loads(text)
    except ValueError as error:
        raise ToolError(f"the arguments are no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ToolError("the arguments are no JSON object")
    _check(found, schema, "")
    return found


def _check(value: Any, schema: Mapping[str, Any], where: str) -> None:
    kind = schema["type"]
    is_kind = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not is_kind and not (kind == "integer" and isinstance(value, float) and value.is_integer()):
        raise ToolError(f"argument {where} must be {_article(kind)}, not {_shown(value)}")
    if "enum" in schema and value not in schema["enum"]:
        raise ToolError(f"argument {where} must be one of {_shown(schema['enum'])}")
    if kind == "object":
        _check_object(value, schema, where)
    elif kind == "array" and "items" in schema:
        for number, item in enumerate(value):
            _check(item, schema["items"], f"{where}[{number}]")
    elif kind == "string":
        _check_range(len(value), schema, "minLength", "maxLength", f"{where}: its length")
        if not strict_json.is_unicode(value):
            raise ToolError(f"argument {where} is no valid Unicode")
    elif kind in ("integer", "number"):
        _check_range(value, schema, "minimum", "maximum", where)


def _check_object(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> None:
    known = schema.get("properties", {})
    prefix = f"{where}." if where else ""
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        raise ToolError(f"argument {prefix}{missing[0]} is missing")
    for name, inner in value.items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise ToolError(f"unknown argument {prefix}{name[:40]!r}: there is {there}")
        _check(inner, known[name], prefix + name)


def _check_range(value: float, schema: Mapping[str, Any], low: str, high: str, where: str) -> None:
    if value < schema.get(low, value):
        raise ToolError(f"argument {where} must be at least {schema[low]}")
    if value > schema.get(high, value):
        raise ToolError(f"argument {where} must be at most {schema[high]}")


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
