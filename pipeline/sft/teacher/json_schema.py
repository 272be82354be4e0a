"""The part of JSON Schema that the teacher's answers are described with, and its check.

Types, properties, required, additionalProperties, items, minItems, maxItems, minLength, enum,
minimum and maximum, as OpenAI's strict mode knows them; a schema that says more is a programming
error. Source: JSON Schema 2020-12, validation.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_KNOWN = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
    | {"minLength", "enum", "minimum", "maximum", "description"}
)


def mismatch(value: Any, schema: Schema, where: str = "answer") -> str:
    """Why a JSON value is not of a schema: the first place where it differs; "" if it is.

    Args:
        value: as `json.loads` gives it.
        schema: of the known keywords.
        where: the value's place, for the message.
    """
    assert set(schema) <= _KNOWN, f"{sorted(set(schema) - _KNOWN)} is not checked here"
    kind = schema["type"]
    if not _is(value, kind):
        return f"{where} is no {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is none of {', '.join(map(str, schema['enum']))}"
    if kind in ("integer", "number"):
        if value < schema.get("minimum", value):
            return f"{where} is below {schema['minimum']}"
        if value > schema.get("maximum", value):
            return f"{where} is above {schema['maximum']}"
    if kind == "string" and len(value) < schema.get("minLength", 0):
        return f"{where} has fewer than {schema['minLength']} characters"
    if kind == "array":
        return _array(value, schema, where)
    return _object(value, schema, where) if kind == "object" else ""


def _array(value: list[Any], schema: Schema, where: str) -> str:
    if len(value) < schema.get("minItems", 0):
        return f"{where} has fewer than {schema['minItems']} items"
    if len(value) > schema.get("maxItems", len(value)):
        return f"{where} has more than {schema['maxItems']} items"
    items = schema.get("items")
    found = (mismatch(item, items, f"{where}[{at}]") for at, item in enumerate(value) if items)
    return next(filter(None, found), "")


def _object(value: dict[str, Any], schema: Schema, where: str) -> str:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{where} has no {name}"
    for name in value:
        if name not in properties and schema.get("additionalProperties") is False:
            return f"{where} has what was not asked for"
    found = (
        mismatch(value[name], properties[name], f"{where}.{name}")
        for name in properties
        if name in value
    )
    return next(filter(None, found), "")


def _is(value: Any, kind: str) -> bool:
    if kind == "object":
        return isinstance(value, dict)
    if kind == "array":
        return isinstance(value, list)
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":  # 1.0 is one: the standard asks for the value, not for how it is written
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return kind == "number" and isinstance(value, int | float)
