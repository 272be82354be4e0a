"""Finds telephone numbers in text; it rather misses one than takes a year or price for one.

Three forms: international ("+44 20 …"), national in its customary grouping ("(202) 555-0143",
"020 7946 0991"), and anything valid after a name such as "tel.". Words with other meanings, too
("cell", "call", "text"), name a number only if its format is a telephone number's as well. Digits
are checked with Google's numbering plans (the `phonenumbers` package). Bare digits without a name
are left.
"""

import functools
import re
import sys
from collections.abc import Iterator

import phonenumbers

from pipeline.filters import phone_names
from pipeline.filters.persons import person_before
from pipeline.filters.surroundings import (
    before,
    ends_field,
    is_dialled,
    is_in_address,
    is_in_contact_block,
    is_in_row,
    is_other,
)

_GAP = r"[ \u00a0\u202f().\-–‑/]{0,3}"
_END = r"(?![\w%])(?![.,:\-–]\d)"
_INTERNATIONAL = re.compile(rf"(?<![\w+])\+[1-9](?:{_GAP}\d){{6,14}}(?!\w)", re.ASCII)
_DIALLED = re.compile(  # from a landline in most countries: "0049 30 …"
    r"(?<![\w.,+$€£#/–-])00([1-9]\d{0,2}(?:([ \u00a0-])(?:\(0\) ?)?\d+(?:\2\d+){0,4}))" + _END,
    re.ASCII,
)
# "+1.2345678901" is a number with decimals or a telephone number as registrars write it (RFC 5733)
_DECIMALS = re.compile(r"\+\d{1,3}\.\d+[+-]|\+\d\.\d{5}")
# North America: area and exchange code start with 2..9; brackets, hyphens or dots, not spaces alone
_NORTH_AMERICAN = re.compile(
    r"(?<![\w.,+$€£#/–-])(?:1[ .-])?(?:\([2-9]\d\d\)[ \u00a0-]?[2-9]\d\d[.\-‑ ]\d{4}"
    r"|[2-9]\d\d([.-])[2-9]\d\d(?:\1| )\d{4}|[2-9]\d\d [2-9]\d\d-\d{4})" + _END,
    re.ASCII,
)
# a leading 0, groups parted by one kind of sign; ten digits or more, so dates are too short
_TRUNK_ZERO = re.compile(
    r"(?<![\w.,+$€£#/–-])(?:\(0\d{1,4}\) ?\d+(?:[ -]\d+){0,4}|0\d{2,4} ?/ ?\d+(?:[ -]\d+){0,3}"
    r"|0\d+(?:([ \u00a0\u202f.-])\d+(?:\1\d+){0,4}))" + _END,
    re.ASCII,
)
_TRUNK_ZERO_MIN_DIGITS, _TRUNK_ZERO_MAX_DIGITS = 10, 12
_TWO_POSTCODES = re.compile(r"\d{5}\D\d{5}")
# an area code in brackets, then groups with a hyphen: Brazil, Russia, Mexico
_BRACKETS = re.compile(
    r"(?<![\w.,+$€£#/–-])(?:8 ?)?\(\d{2,4}\) ?(?:9 )?\d{3,5}-\d{2}(?:-\d\d|\d\d)" + _END, re.ASCII
)
_DIGITS = re.compile(rf"(?<![\w+])(?:(?<!\()|(?=\())\+?\(?\d(?:{_GAP}\d){{5,14}}(?!\w)", re.ASCII)
_LOCAL = re.compile(r"[2-9]\d\d[-.]\d{4}", re.ASCII)  # "555-0143", only behind a name
_TEN_DIGITS = re.compile(r"[2-9]\d\d([ .-]?)[2-9]\d\d\1\d{4}", re.ASCII)  # of North America
_GROUP_BREAK = re.compile(r"[^\d]+\d+$")
# the year of a citation, a number with decimals, columns of signed numbers, a date
_NO_NUMBER = re.compile(
    r"\((?:1[5-9]|20)\d\d\)|^\d\.\d+(?:$| )| [-–]\d"
    r"|^(?:19|20)\d\d([-./])(?:0\d|1[0-2])\1[0-3]\d$"
    r"|^[0-3]\d([-./])[0-3]\d\2(?:19|20)\d\d$"
)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_MIN_DIGITS = 7
_COLUMNS = re.compile(r"\s\s|\s[–-]\s")  # of a table, or a range
_NEAR_POSTCODES = re.compile(r"(\d\d)\d{3}\D\1\d{3}")
_SLASHED = re.compile(r"0\d{1,3}/")  # an area code
_PAIR = re.compile(r"(\d+) ?[-‑–] ?(\d+)")
_DOTTED_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}$|192\.168\.")
_DIALLED_BARE = re.compile(r"0\d{8,10}|1[3-9]\d{9}")  # as mobiles are written in France, China
_OWN_MIN_GROUPS = 2  # of digits, in a number for which a person's name is the only evidence
_PLAUSIBLE_AREA = "2345678"  # after a North American area code, to check whether that exists


def find_phones(
    text: str,
    regions: tuple[str, ...],
    named_regions: tuple[str, ...],
    start: int = 0,
    end: int = sys.maxsize,
) -> Iterator[tuple[int, int]]:
    """Spans of telephone numbers; they may overlap if two forms find the same number.

    Args:
        text: to search.
        regions: whose plans decide on national forms (ISO 3166).
        named_regions: whose plans decide as well, after a telephone's name.
        start, end: the part of the text to search.
    """
    if text.find("+", start, end) >= 0:
        for match in _INTERNATIONAL.finditer(text, start, end):
            number, first = match.group(), match.start()
            named = functools.partial(_is_named, text, first)
            if _NO_NUMBER.search(number) or (_DECIMALS.match(number) and not named()):
                continue
            length = _valid_length(number, ()) or (named() and _e164_length(number))
            if length:
                yield first, first + length
    for match in _DIALLED.finditer(text, start, end):
        if _is_valid_in("+" + match.group(1), None) and not _is_something_else(text, *match.span()):
            yield match.span()
    shapes = [_TRUNK_ZERO, _BRACKETS]
    if "US" in regions or "CA" in regions:
        shapes.append(_NORTH_AMERICAN)
    for shape in shapes:
        for match in shape.finditer(text, start, end):
            if _is_shown(match.group(), shape, regions) and not _is_something_else(
                text, *match.span()
            ):
                yield match.span()
    every = tuple(dict.fromkeys(regions + named_regions))
    for match in _DIGITS.finditer(text, start, end):
        first, number = match.start(), match.group()
        if number.count("(") > number.count(")"):  # the bracket is the sentence's
            first, number = first + number.index("(") + 1, number[number.index("(") + 1 :]
        if is_dialled(text, first) and _is_valid_in("+" + number.lstrip("+"), None):
            yield first, first + len(number)
        if _NO_NUMBER.search(number):
            continue
        strength = _strength(text, first, number)
        length = _valid_length(number, every if strength > WEAK else regions) if strength else 0
        if strength == SURE and not length and number.startswith("00"):
            length = _e164_length(number)
        found = number[:length]
        if length and (strength > WEAK or _is_formed(found)) and not is_in_address(text, first):
            yield first, first + length


WEAK, ORDERED, SURE = 1, 2, 3  # evidence: a word with several meanings, a call, a name


def _is_named(text: str, first: int) -> bool:
    return phone_names.STRONG.search(phone_names.fold(before(text, first))) is not None


def _strength(text: str, first: int, number: str) -> int:
    """The evidence around the digits that they are a telephone's: WEAK, ORDERED, SURE, or 0."""
    said = phone_names.fold(before(text, first))
    stop, is_dialled_form = first + len(number), _has_dialled_form(number)
    if phone_names.has_phone_words(said):
        if phone_names.STRONG.search(said):
            return SURE
        if is_dialled_form and phone_names.ORDER.search(said):
            return ORDERED
    if is_dialled_form and phone_names.has_phone_words_after(text, stop):
        return ORDERED
    if is_dialled_form and _is_personal(text, first, stop):
        return ORDERED
    return WEAK if phone_names.WEAK.search(said) else 0


def _has_dialled_form(number: str) -> bool:
    """Whether the digits are in groups that are no years, or bare as mobiles are written."""
    if number[0] == "+" or _DIALLED_BARE.fullmatch(number):
        return True
    return len(re.findall(r"\d+", number)) >= _OWN_MIN_GROUPS and not _is_years(number)


def _is_years(number: str) -> bool:
    """Whether groups of four digits may be years: the first, or all of them."""
    groups = re.findall(r"\d+", number)
    fours = [group for group in groups if len(group) == 4]
    years = [group for group in fours if _YEAR.fullmatch(group)]
    if number[0] in "0(+":
        return False
    return bool(years) and (groups[0] in years or len(years) == len(fours))


def _is_range(number: str) -> bool:
    """Whether it is two numbers, the smaller one first: pages, years, lines."""
    pair = _PAIR.fullmatch(number)
    return pair is not None and len(pair[1]) == len(pair[2]) and pair[1] < pair[2]


def _is_personal(text: str, start: int, stop: int) -> bool:
    """Whether groups of digits without a name are after a person's name, or among addresses."""
    number = text[start:stop]
    groups = len(re.findall(r"\d+", number))
    if 0 < number.count(".") < max(2, groups - 1) and not _SLASHED.match(number):
        return False
    if _COLUMNS.search(number) or _NEAR_POSTCODES.fullmatch(number):
        return False
    if _DOTTED_ADDRESS.match(number) or _is_range(number):
        return False
    between = person_before(text, start) if ends_field(text, stop) else None
    behind = between is not None and (between.strip(" \u00a0") or number[0] in "0(")
    known = behind or is_in_contact_block(text, start, stop)
    return bool(known) and not _is_something_else(text, start, stop)


def _is_something_else(text: str, start: int, stop: int) -> bool:
    """Whether the text around a number without a name shows that it is something else."""
    return is_other(text, start) or is_in_address(text, start) or is_in_row(text, start, stop)


def _is_shown(number: str, shape: re.Pattern[str], regions: tuple[str, ...]) -> bool:
    """Whether the number is a telephone number by its format and the plans."""
    if shape is _NORTH_AMERICAN:
        return _is_area(re.sub(r"\D", "", number)[-10:-7])
    if shape is _BRACKETS:
        return _is_valid(number, ("BR", "RU", "MX", "AR"))
    digits = sum(map(str.isdigit, number))
    if not _TRUNK_ZERO_MIN_DIGITS <= digits <= _TRUNK_ZERO_MAX_DIGITS or _TWO_POSTCODES.fullmatch(
        number
    ):
        return False
    return _is_valid(number, regions)


def _is_formed(number: str) -> bool:
    """Whether a number after a word with several meanings looks like one that is dialled."""
    if number[0] in "+(0" or _LOCAL.fullmatch(number):
        return True
    return bool(_TEN_DIGITS.fullmatch(number)) and _is_area(number[:3])


@functools.cache
def _is_area(area: str) -> bool:
    return _is_valid_in(area + _PLAUSIBLE_AREA, "US") or _is_valid_in(area + _PLAUSIBLE_AREA, "CA")


def _valid_length(candidate: str, regions: tuple[str, ...]) -> int:
    """The length of the candidate's longest valid beginning, cut after a group of digits; or 0."""
    while sum(map(str.isdigit, candidate)) >= _MIN_DIGITS:
        if _is_valid(candidate, regions):
            return len(candidate)
        shorter = _GROUP_BREAK.sub("", candidate)
        if shorter == candidate:
            break
        candidate = shorter
    return 0


def _e164_length(number: str) -> int:
    """The length of "+" or "00" and digits that may be a number although no plan has it; or 0."""
    dialled = "+" + number.removeprefix("00").lstrip("+")
    return len(number) if _is_valid_in(dialled, None, only_length=True) else 0


def _is_valid(number: str, regions: tuple[str, ...]) -> bool:
    if not number.startswith("+"):
        if "US" in regions and _LOCAL.fullmatch(number):
            return True
        return any(_is_valid_in(number, region) for region in regions)
    # plans lack numbers reserved for fiction; grouped like a number, they count as well
    return _is_valid_in(number, None) or (
        not number[1:].isdigit() and _is_valid_in(number, None, only_length=True)
    )


def _is_valid_in(number: str, region: str | None, only_length: bool = False) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False  # not a number of this region
    if only_length:
        return phonenumbers.is_possible_number(parsed)
    return phonenumbers.is_valid_number(parsed)
