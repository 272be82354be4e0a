"""Finds telephone numbers in text, preferring to miss one over taking a year, price or sum for one.

Three forms: international ("+44 20 …"), national in its customary grouping ("(202) 555-0143",
"020 7946 0991"), and anything valid behind a word such as "tel." or "call". Digits are judged by
Google's numbering plans (the `phonenumbers` package). Bare digits without such a word stay.
"""

import re
import sys
from collections.abc import Iterator

import phonenumbers

_GAP = r"[ \u00a0().\-–/]{0,3}"
_END = r"(?![\w%])(?![.,:\-–]\d)"
_INTERNATIONAL = re.compile(rf"(?<![\w+])\+[1-9](?:{_GAP}\d){{6,14}}(?!\w)", re.ASCII)
# North America: area and exchange code start with 2..9; brackets, hyphens or dots, not spaces alone
_NORTH_AMERICAN = re.compile(
    r"(?<![\w.,+$€£#/–-])(?:1[ .-])?(?:\([2-9]\d\d\)[ \u00a0-]?|[2-9]\d\d[.-])[2-9]\d\d[.\- ]\d{4}"
    + _END,
    re.ASCII,
)
# a leading 0, groups parted by one kind of sign; ten digits or more, so dates are too short
_TRUNK_ZERO = re.compile(
    r"(?<![\w.,+$€£#/–-])(?:\(0\d{1,4}\) ?\d+(?:[ -]\d+){0,4}|0\d{2,4} ?/ ?\d+(?:[ -]\d+){0,3}"
    r"|0\d+(?:([ .-])\d+(?:\1\d+){0,4}))" + _END,
    re.ASCII,
)
_TRUNK_ZERO_MIN_DIGITS = 10
_TWO_POSTCODES = re.compile(r"\d{5}\D\d{5}")
_DIGITS = re.compile(rf"(?<![\w+(])\+?\(?\d(?:{_GAP}\d){{5,14}}(?!\w)", re.ASCII)
_NAME_BEFORE = re.compile(
    r"\b(?:tel(?:ephone|efone?|éfono)?|(?:tele)?phone|téléphone|fax|mobile?|mob|cell|whatsapp|hotline"
    r"|call|ring|dial|sms|text)\b[.:#\s]{0,3}"
    r"(?:(?:us|me|him|her|now|today|on|at|number|no|is)\b[.:\s]{1,3}){0,3}$",
    re.IGNORECASE,
)
_NAME_CHARACTERS = 40  # how far back a name is looked for
_LOCAL = re.compile(r"[2-9]\d\d[-.]\d{4}", re.ASCII)  # "555-0143", only behind a word
_GROUP_BREAK = re.compile(r"[^\d]+\d+$")
_MIN_DIGITS = 7


def find_phones(
    text: str, regions: tuple[str, ...], start: int = 0, end: int = sys.maxsize
) -> Iterator[tuple[int, int]]:
    """Spans of telephone numbers; they may overlap where two forms find the same number."""
    if text.find("+", start, end) >= 0:
        for match in _INTERNATIONAL.finditer(text, start, end):
            length = _valid_length(match.group(), ())
            if length:
                yield match.start(), match.start() + length
    if "US" in regions or "CA" in regions:
        for match in _NORTH_AMERICAN.finditer(text, start, end):
            yield match.span()
    for match in _TRUNK_ZERO.finditer(text, start, end):
        digits = sum(map(str.isdigit, match.group()))
        if digits < _TRUNK_ZERO_MIN_DIGITS or _TWO_POSTCODES.fullmatch(match.group()):
            continue
        if _is_valid(match.group(), regions):
            yield match.span()
    for match in _DIGITS.finditer(text, start, end):
        first = match.start()
        if _NAME_BEFORE.search(text[max(0, first - _NAME_CHARACTERS) : first]):
            length = _valid_length(match.group(), regions)
            if length:
                yield first, first + length


def _valid_length(candidate: str, regions: tuple[str, ...]) -> int:
    """How much of the candidate, cut after a group of digits, is a valid number; 0 if nothing."""
    while sum(map(str.isdigit, candidate)) >= _MIN_DIGITS:
        if _is_valid(candidate, regions):
            return len(candidate)
        shorter = _GROUP_BREAK.sub("", candidate)
        if shorter == candidate:
            break
        candidate = shorter
    return 0


def _is_valid(number: str, regions: tuple[str, ...]) -> bool:
    if not number.startswith("+"):
        if "US" in regions and _LOCAL.fullmatch(number):
            return True
        return any(_is_valid_in(number, region) for region in regions)
    # plans lack numbers set aside for fiction; grouped like one, such a number counts as well
    return _is_valid_in(number, None) or (
        not number[1:].isdigit() and _is_valid_in(number, None, only_length=True)
    )


def _is_valid_in(number: str, region: str | None, only_length: bool = False) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False  # not a number of this region: the question was whether it is one
    if only_length:
        return phonenumbers.is_possible_number(parsed)
    return phonenumbers.is_valid_number(parsed)
