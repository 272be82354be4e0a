"""The check of answers agrees with the reference implementation of JSON Schema."""

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.sft.teacher.json_schema import mismatch
from pipeline.sft.teacher.prompts import CONVERSATION, JUDGEMENT

MANY = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "size": {"type": "number", "minimum": 0, "maximum": 1},
        "is_new": {"type": "boolean"},
        "kinds": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
    },
    "required": ["name"],
}
SCHEMAS = [CONVERSATION, JUDGEMENT, MANY]
# Words that the schemas know, so that random values come near to what fits.
WORDS = st.sampled_from(
    [
        "user",
        "assistant",
        "system",
        "role",
        "content",
        "messages",
        "",
        "x",
        "reason",
        "score",
        "name",
    ]
)
KEYS = st.sampled_from(
    ["messages", "role", "content", "reason", "score", "name", "size", "is_new", "kinds", "more"]
)
SCALARS = WORDS | st.integers(-1, 6) | st.floats(-1, 6, width=16) | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
TURN = st.fixed_dictionaries({"role": WORDS, "content": SCALARS})
NEAR = (
    st.fixed_dictionaries({"messages": st.lists(TURN, max_size=3)})
    | st.fixed_dictionaries({"reason": SCALARS, "score": SCALARS})
    | st.fixed_dictionaries(
        {
            "name": SCALARS,
            "size": SCALARS,
            "is_new": SCALARS,
            "kinds": st.lists(SCALARS, max_size=3),
        }
    )
)


@given(VALUES | NEAR)
@example({"reason": "r", "score": True})  # a boolean is no integer, though Python says 1
@example({"reason": "r", "score": 4.0})  # an integer, however it is written
@example({"reason": "r", "score": 4.5})
@example({"name": "xx", "size": 1.5})
@example({"name": "xx", "kinds": [1, 2, 3]})
@example({"name": "xx", "kinds": []})
@example({"name": "x"})
def test_it_agrees_with_jsonschema(value: object) -> None:
    for schema in SCHEMAS:
        expected = jsonschema.Draft202012Validator(schema).is_valid(value)
        assert (mismatch(value, schema) == "") == expected, (value, schema)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], "answer is no object"),
        ({}, "answer has no messages"),
        ({"messages": [{"role": "user"}]}, "answer.messages[0] has no content"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]},
            "answer.messages[1].role is none of user, assistant",
        ),
        ({"messages": [], "note": 1}, "answer has what was not asked for"),
    ],
)
def test_the_place_is_said(value: object, place: str) -> None:
    assert mismatch(value, CONVERSATION) == place


def test_a_keyword_that_is_not_checked_is_no_schema() -> None:
    with pytest.raises(AssertionError, match="pattern"):
        mismatch("a", {"type": "string", "pattern": "^a"})
