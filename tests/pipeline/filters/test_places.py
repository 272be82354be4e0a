"""Places where personal data may stand are those of the patterns, in text of any width."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.filters._places import places
from pipeline.filters.digit_windows import digit_windows

# What the C code finds, said as patterns
TOGETHER = re.compile(r"\d(?:[^\d\n]{0,3}\d){5,}", re.ASCII)
FOURS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
SIXES = re.compile(r"(?=[23][0-9A-Za-z]{3}:|::ffff:|64:ff9b::)", re.ASCII | re.IGNORECASE)
FEW = re.compile(
    r"(?<![A-Za-z0-9_])[A-Za-z]{2}\d\d(?=[ \u00a0\u202f-]?[A-Za-z0-9]{4})"
    r"|(?<![A-Za-z0-9_])[A-Z]{5}\d{4}[A-Z]",
    re.ASCII,
)
PIECES = st.sampled_from(
    [
        *(
            "1",
            "22",
            "333",
            "4444",
            "123456",
            " ",
            ".",
            ":",
            "-",
            "\n",
            "   ",
            "    ",
            "a",
            "Z",
            "_",
        ),
        *("2001:db8::1", "::ffff:", "::FFFF:1.2.3.4", "64:ff9b::", "1.2.3.4"),
        *("GB82", "ABCPE1234F"),
        *("é", "中", "😀", "\u00a0", "\u202f"),
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join))
@example("GB82\u202fWEST \u4e2d")
@settings(max_examples=600, deadline=None, derandomize=True)
def test_places_are_those_of_the_patterns(text: str) -> None:
    numbers, fours, sixes, keys = places(text)
    together = [match.span() for match in TOGETHER.finditer(text)]
    few = {match.start() for match in FEW.finditer(text)}
    assert [span for span in numbers if span in together] == together
    assert {start for start, _ in numbers if (start, _) not in together} <= few
    assert few <= {start for start, _ in numbers}
    assert fours == [match.start() for match in FOURS.finditer(text)]
    wanted = [match.start() for match in SIXES.finditer(text)]
    assert sorted(place for place in sixes if place in wanted) == wanted
    assert keys == []


KEY_PLACES = [  # text, where the key's pattern has to look
    ("x AKIA", 2),
    ("(sk-abc", 1),
    ("id 12345678:AAx", 3),
    ("a " + "0f" * 16 + "-us9", 2),
    ("aws_secret_access_key = ", 21),
    ("AccountKey=", 11),
    ("--x-----BEGIN RSA", 3),
    ("SK" + "0f" * 16, 0),
    ("is Mabcdefghijklmnopqrstuvwx.abcdef.x", 3),
]


def test_keys_are_looked_for_where_their_signs_stand() -> None:
    for text, place in KEY_PLACES:
        for shown in (text, text + "\u4e2d", text + "\U0001f600"):
            assert places(shown)[3] == [place], text
    for text in ("task-force", "xAKIA", "_eyJ", "-hf_", "SK" + "0g" * 16, "0f" * 8 + "-us9", "SG"):
        assert places(text)[3] == [], text


def test_windows_hold_the_places_and_end_between_words() -> None:
    text = "word " * 100 + "123456" + " word" * 100 + " 654321" + " word" * 100
    windows = digit_windows(text, places(text)[0])
    assert len(windows) == 2
    for (start, end), number in zip(windows, ("123456", "654321"), strict=True):
        assert number in text[start:end]
        assert text[start:end].split() == ["word"] * 13 + [number] + ["word"] * 13
