"""Arguments as they are written, in any form and cut anywhere, are their one form, and no more."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_conversations import drawn, json_objects, typed_text

from pipeline.chat.messages import canonical_json
from pipeline.serve.growing_arguments import GrowingArguments

white = st.sampled_from(["", "", " ", "\n", "\t ", "\r\n"])


def grown(text: str, sizes: list[int]) -> list[str]:
    """Told of a text in pieces of these sizes, the last size again and again."""
    arguments, told, at, number = GrowingArguments(), [], 0, 0
    while at < len(text):
        size = sizes[min(number, len(sizes) - 1)]
        told.append(arguments.push(text[at : at + size]))
        at, number = at + size, number + 1
    return told


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """A value's JSON text, in some form."""
    gap = draw(white)
    if isinstance(value, str):
        return draw(st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False)]))
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return draw(st.sampled_from([repr(value), f"{int(value)}.00", f"{int(value)}E0"]))
    if isinstance(value, list):
        parts = f"{gap},{gap}".join(draw(spelled(one)) for one in value)
        return f"[{gap}{parts}{gap}]"
    if isinstance(value, dict):
        pairs = [f"{draw(spelled(k))}{gap}:{gap}{draw(spelled(v))}" for k, v in value.items()]
        return "{" + gap + f"{gap},{gap}".join(pairs) + gap + "}"
    return json.dumps(value)


sizes = st.lists(st.integers(1, 7), min_size=1, max_size=20)
objects = json_objects(typed_text)
nested = st.dictionaries(typed_text, st.lists(objects | st.lists(objects), max_size=3), max_size=3)


@drawn
@given(objects | nested, sizes, st.data())
def test_pieces_are_the_one_form(
    value: dict[str, Any], cuts: list[int], data: st.DataObject
) -> None:
    text = data.draw(spelled(value))
    assert "".join(grown(text, cuts)) == canonical_json(json.loads(text))


@drawn
@given(objects, st.data())
def test_what_is_told_is_never_taken_back(value: dict[str, Any], data: st.DataObject) -> None:
    """Whatever follows: what is told of a beginning begins all that can be told."""
    text = data.draw(spelled(value))
    cut = data.draw(st.integers(0, len(text)))
    (early,) = grown(text[:cut], [len(text) + 1]) or [""]
    assert canonical_json(json.loads(text)).startswith(early)


def test_a_value_comes_character_by_character() -> None:
    text = '{"name" : "a\\u00e9\\n", "n":[1,\n22 ]}'
    told = grown(text, [1])
    assert [piece for piece in told if piece] == [
        *("{", '"name": ', '"', "a", "é", "\\n", '"'),
        *(', "n": ', "[", "1", ", 22", "]", "}"),
    ]
    assert told[text.index(":")] == ""  # the key was told when it ended


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a":1,"b":2,"a":3}', '{"a": 1, "b": 2}'),
        ('{"a":{"b":1,"b":[1,{"b":2}]},"a":{"c":"}"},"d":0}', '{"a": {"b": 1}, "d": 0}'),
        ('{"a":[{"b":1},{"b":2}]}', '{"a": [{"b": 1}, {"b": 2}]}'),
        ('{"a":1,"\\u0061":2}', '{"a": 1}'),
        ('{"a":1e999}', '{"a": 1.7976931348623157e+308}'),
        ('{"a":[-1e999]}', '{"a": [-1.7976931348623157e+308]}'),
        ('{"a":"\\ud83d\\ude00"}', '{"a": "\U0001f600"}'),
        ('{"a":"\\ud83d!"}', '{"a": "\ufffd!"}'),
        ('{"a":"\\ude00\\ud83d"}', '{"a": "\ufffd\ufffd"}'),
        ('{"a":"\\ud83d\\ud83d\\ude00"}', '{"a": "\ufffd\U0001f600"}'),
        ('{"a":"\\ud83d\\n"}', '{"a": "\ufffd\\n"}'),
        ('{"":"","":1}', '{"": ""}'),
    ],
)
def test_what_could_not_be_sent_back(text: str, told: str) -> None:
    for size in range(1, len(text) + 1):
        assert "".join(grown(text, [size])) == told
    assert canonical_json(told) == told


def test_more_digits_than_python_reads_stay_as_they_are() -> None:
    digits = "9" * 5_000
    assert "".join(grown(f'{{"a":{digits}}}', [7])) == f'{{"a": {digits}}}'


def test_what_follows_the_object_is_none_of_it() -> None:
    arguments = GrowingArguments()
    assert arguments.push('{"a": {}') == '{"a": {}'
    assert not arguments.whole
    assert arguments.push('}}\n{"b"') == "}"
    assert arguments.whole
    assert arguments.push(": 1}") == ""
