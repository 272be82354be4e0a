"""What Python takes for JSON beyond the standard is refused (RFC 8259, sections 4, 6 and 8)."""

import datetime

import pytest

from storage import strict_json


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("{'a': 1}", "property name"),
        ("NaN", "NaN is no JSON"),
        ('{"a": [-Infinity]}', "-Infinity is no JSON"),
        ("[1] 2", "Extra data"),
        ('{"a": {"b": 1, "b": 1}}', "a key twice"),
        ("[" * 200_000, "nested too deeply"),
        (b"\xff", "utf-8"),
    ],
)
def test_what_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        strict_json.loads(text)


def test_what_is_read() -> None:
    assert strict_json.loads('{"b": [1e2, null, "\\u2028\\ud83d\\ude00"], "a": -0.5}') == {
        "b": [100.0, None, "\u2028\U0001f600"],
        "a": -0.5,
    }
    assert strict_json.loads(b" [true] \n") == [True]
    assert strict_json.loads('{"a": 1, "a": 2}', unique_keys=False) == {"a": 2}
    with pytest.raises(ValueError, match="NaN"):
        strict_json.loads('{"a": NaN}', unique_keys=False)


def test_what_is_written() -> None:
    assert (
        strict_json.dumps({"ü": [1, None, "\n"], "a": "☃"}) == '{"ü": [1, null, "\\n"], "a": "☃"}'
    )
    nested: list[object] = []
    for _ in range(200_000):
        nested = [nested]
    for value in (float("nan"), {"a": float("inf")}, datetime.date(2026, 1, 1), {b"a": 1}, nested):
        with pytest.raises(ValueError, match=r"."):
            strict_json.dumps(value)


@pytest.mark.parametrize(
    ("text", "fine"), [("", True), ("a\U0001f600\0", True), ("\ud800", False), ("a\udfffb", False)]
)
def test_a_lone_surrogate_is_no_text(text: str, fine: bool) -> None:
    assert strict_json.is_unicode(text) is fine
