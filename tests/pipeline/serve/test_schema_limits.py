"""Schemas that ask for too much are refused with the place named, the largest that fit are not."""

import json
from typing import Any

import pytest

from pipeline.ranges import OutOfRange
from pipeline.serve.schema_limits import REPEATS, GrammarLimits, checked
from storage.errors import UserError

LIMITS = GrammarLimits(
    max_schema_bytes=400,
    max_enum_values=3,
    max_schema_depth=6,
    max_repeats=20,
    max_pattern_characters=12,
)


def within(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"items": schema}}}


def test_what_fits_is_left_as_it_is() -> None:
    schema = within({"enum": [1, 2, 3], "maxLength": 20, "pattern": "^a{4}b{5}$"})
    schema["properties"] |= {"pattern": {"$ref": "#/$defs/x"}, "maxItems": {}, "enum": {}}
    assert checked(schema, LIMITS) == schema
    assert list(checked(schema, LIMITS)) == list(schema)  # the order of properties counts
    exact = {"title": "é" * 193 + "x"}  # of two bytes each
    assert len(json.dumps(exact, ensure_ascii=False).encode()) == 400
    assert checked(exact, LIMITS) == exact


def test_settings_of_the_library_are_left_out() -> None:
    assert checked({"x-guidance": {"lenient": True}, "type": "null"}, LIMITS) == {"type": "null"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (within({"enum": [1, 2, 3, 4]}), r"\$\.properties\.a\.items\.enum: 4 values .* than 3"),
        *((within({name: 21}), rf"items\.{name}: 21 is above 20: lower it") for name in REPEATS),
        (within({"maxLength": 1e9}), "is above 20"),
        (within({"pattern": "a" * 13}), r"items\.pattern: a pattern of 13 characters"),
        (within({"pattern": "a{21}"}), "repeats more than 20"),
        (within({"pattern": "(a{,5}){1,5}"}), "repeats more than 20"),
        (
            within({"patternProperties": {"^b$": {}, "a{99,}": {}}}),
            "patternProperties: the pattern",
        ),
        (within({"$ref": "other.json"}), r"\$ref: 'other.json' is not in the schema"),
        (within({"$dynamicRef": "http://a/b"}), "is not in the schema"),
        (within({"items": {"items": [{}]}}), r"\$\.properties\.a\.items.*deeper than 6 levels"),
        ({"title": "é" * 194}, "401 bytes are more than 400"),
        ({"const": float("nan")}, "can't be written as JSON"),
        ({"const": "\ud800"}, "can't be written as JSON"),
    ],
)
def test_what_does_not_is_named(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        checked(schema, LIMITS)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_no_depth_is_too_much_for_the_check_itself() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"items": deep}
    with pytest.raises(UserError, match="deeper than 6"):
        checked(deep, LIMITS)


def test_limits_are_checked_themselves() -> None:
    with pytest.raises(OutOfRange, match="max_calls: 0 must be above 0"):
        GrammarLimits(max_calls=0)
