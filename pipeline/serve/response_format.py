"""What a reply's text must be: OpenAI's `response_format` of chat and `text.format` of responses.

In: the field as JSON gives it. Out: text, any JSON object, or JSON of a schema; grammars hold the
model to it (`serve.grammar`), so that it isn't checked afterwards.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from pipeline.serve.field_errors import InvalidField

TYPES = ("text", "json_object", "json_schema")


@dataclasses.dataclass(frozen=True)
class ResponseFormat:
    """What the text must be.

    Args:
        type: one of TYPES.
        schema: of `json_schema`: JSON Schema.
        name: of it, as the client calls it.
    """

    type: Literal["text", "json_object", "json_schema"] = "text"
    schema: Mapping[str, Any] | None = None
    name: str = ""


TEXT = ResponseFormat()


def response_format(value: Any, field: str, nested: bool) -> ResponseFormat:
    """The format.

    Args:
        value: None is text.
        field: what it is called in the request.
        nested: whether name and schema stand in `json_schema`, as in chat; else beside the type.

    Raises:
        InvalidField: it is none.
    """
    if value is None:
        return TEXT
    if not isinstance(value, Mapping):
        raise InvalidField(field, "must be an object with a type")
    kind = value.get("type")
    if kind not in TYPES:
        raise InvalidField(f"{field}.type", f"must be one of {', '.join(TYPES)}")
    if kind != "json_schema":
        return ResponseFormat(kind)
    inner, place = (value.get("json_schema"), f"{field}.json_schema") if nested else (value, field)
    if not isinstance(inner, Mapping):
        raise InvalidField(place, "must be an object with name and schema")
    name, schema = inner.get("name"), inner.get("schema")
    if not isinstance(name, str) or not name:
        raise InvalidField(f"{place}.name", "must be a text")
    if not isinstance(schema, Mapping):
        raise InvalidField(f"{place}.schema", "must be a JSON Schema, an object")
    return ResponseFormat(kind, schema, name)
