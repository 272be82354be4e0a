"""Arguments that don't fit are refused in words, before the tool sees them."""

import pytest

from pipeline.tools import arguments
from pipeline.tools.tool import ToolError

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": "number"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "sure": {"type": "boolean"},
        "items": {"type": "array", "items": {"type": "integer"}},
        "inner": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
    },
    "required": ["name"],
}


def test_what_fits_is_read() -> None:
    text = (
        '{"name": "abc", "count": 3, "share": 2, "kind": "a", "sure": true, "items": [1, 2],'
        ' "inner": {"x": "y"}}'
    )
    found = arguments.read(text, SCHEMA, 1000)
    assert found["items"] == [1, 2]
    assert found["inner"] == {"x": "y"}
    assert arguments.read('{"name": "ab", "count": 3.0}', SCHEMA, 1000)["count"] == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ('"x"', "no JSON object"),
        ('{"name": NaN}', "no JSON"),
        ('{"name": "abc", "name": "abd"}', "no JSON: an object has a key twice"),
        ("[" * 100_000, "more than 1,000 bytes"),
        ("{}", "argument name is missing"),
        ('{"name": 3}', "argument name must be a string, not 3"),
        ('{"name": null}', "argument name must be a string, not null"),
        ('{"name": "a"}', "argument name: its length must be at least 2"),
        ('{"name": "abcdef"}', "argument name: its length must be at most 5"),
        ('{"name": "\\ud800a"}', "argument name is no valid Unicode"),
        ('{"name": "abc", "count": 0}', "argument count must be at least 1"),
        ('{"name": "abc", "count": 10}', "argument count must be at most 9"),
        ('{"name": "abc", "count": 1.5}', "argument count must be an integer, not 1.5"),
        ('{"name": "abc", "count": true}', "argument count must be an integer, not true"),
        ('{"name": "abc", "share": "1"}', "argument share must be a number"),
        ('{"name": "abc", "kind": "c"}', 'argument kind must be one of ["a", "b"]'),
        ('{"name": "abc", "sure": 1}', "argument sure must be a boolean"),
        ('{"name": "abc", "items": [1, "2"]}', "argument items[1] must be an integer"),
        ('{"name": "abc", "inner": {}}', "argument inner.x is missing"),
        ('{"name": "abc", "inner": {"x": "y", "z": 1}}', "unknown argument inner.'z': there is x"),
        ('{"name": "abc", "more": 1}', "unknown argument 'more': there is name, count"),
    ],
)
def test_what_does_not_fit(text: str, words: str) -> None:
    with pytest.raises(ToolError) as caught:
        arguments.read(text, SCHEMA, 1000)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_depth_is_an_error_and_no_crash() -> None:
    with pytest.raises(ToolError, match="nested too deeply"):
        arguments.read("[" * 100_000, SCHEMA, 1_000_000)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "must be an object"),
        ({"type": "object", "oneOf": []}, "no support for oneOf"),
        ({"type": "object", "properties": {"x": {"type": "null"}}}, "unknown type 'null'"),
        ({"type": "object", "properties": {"x": {}}}, "unknown type None"),
        ({"type": "object", "required": ["x"]}, "x is required and no property"),
        (
            {"type": "object", "properties": {"x": {"type": "array", "items": {"pattern": "a"}}}},
            "no support for pattern",
        ),
    ],
)
def test_a_schema_that_says_more_than_is_checked(schema: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        arguments.check_schema(schema)
