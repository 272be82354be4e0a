"""What a text must be, as chat and as responses say it."""

from typing import Any

import pytest

from pipeline.serve.field_errors import InvalidField
from pipeline.serve.response_format import TEXT, ResponseFormat, response_format

SCHEMA = {"type": "object"}
NAMED = {"name": "point", "schema": SCHEMA, "strict": True}


@pytest.mark.parametrize(
    ("value", "nested", "found"),
    [
        (None, True, TEXT),
        ({"type": "text"}, True, TEXT),
        ({"type": "json_object"}, False, ResponseFormat("json_object")),
        (
            {"type": "json_schema", "json_schema": NAMED},
            True,
            ResponseFormat("json_schema", SCHEMA, "point"),
        ),
        ({"type": "json_schema", **NAMED}, False, ResponseFormat("json_schema", SCHEMA, "point")),
    ],
)
def test_formats(value: Any, nested: bool, found: ResponseFormat) -> None:
    assert response_format(value, "format", nested) == found


@pytest.mark.parametrize(
    ("value", "nested", "field"),
    [
        ("json", True, "format"),
        ({}, True, "format.type"),
        ({"type": "grammar"}, True, "format.type"),
        ({"type": "json_schema", **NAMED}, True, "format.json_schema"),
        ({"type": "json_schema", "json_schema": {"schema": {}}}, True, "format.json_schema.name"),
        ({"type": "json_schema", "name": "x"}, False, "format.schema"),
        ({"type": "json_schema", "name": "x", "schema": True}, False, "format.schema"),
    ],
)
def test_what_is_wrong_is_named(value: Any, nested: bool, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        response_format(value, "format", nested)
    assert refused.value.param == field
