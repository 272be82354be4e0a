"""Finds national identity numbers: text in, spans out. Check digits are python-stdnum's.

A format that is evidence by itself (a Brazilian CPF's punctuation, an Italian tax code's letters, a
French number's fifteen digits with two check digits) counts unless the text around it contradicts;
all other formats count only after the number's name: one in ten numbers has a right check digit by
chance.
"""

import dataclasses
import datetime
import functools
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from stdnum.iso7064 import mod_11_2

from pipeline.filters import phone_names
from pipeline.filters.national_id_forms import ALONE, ANY_COUNTRY, NAMED, PERSON, TABLE
from pipeline.filters.surroundings import (
    before,
    is_beside_a_person,
    is_in_address,
    is_in_persons_record,
    is_in_row,
    is_named,
    is_other,
)

Span = tuple[int, int]

_START, _END = r"(?<![\w.+$€£/-])", r"(?!\w|[.-]\w)"


_MIN_DIFFERENT = 3  # different characters in a number that is in use


@dataclasses.dataclass(frozen=True)
class Form:
    """One format of a number of one country."""

    body: str
    check: str  # of CHECKS, or a module of python-stdnum; "" for numbers without a check
    counts: str  # ALONE, PERSON or NAMED

    @property
    def is_telling(self) -> bool:
        """Whether a valid number of this form may count without its name, after a person's."""
        return self.counts != NAMED or self.check not in _NO_DIGITS_CHECKED

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """The form, with no part of a longer number on either side."""
        return re.compile(f"{_START}(?:{self.body}){_END}", re.ASCII)

    def is_valid(self, number: str) -> bool:
        """Whether the number's check digits, dates and parts are right."""
        bare = re.sub(r"[ \u00a0\u202f.]", "", number)
        if len(set(bare)) < _MIN_DIFFERENT:
            return False  # 00000000
        if self.check in CHECKS:
            return CHECKS[self.check](bare)
        return not self.check or _stdnum(self.check).is_valid(bare)


_UNSPACED = "\u0e00"  # from Thai on, scripts have no spaces between words, or attach endings
_SHORT = 5  # letters of a name that must be a whole word: "sin", "cpf"; longer ones may go on


def _pattern_of(names: str) -> re.Pattern[str]:
    words = []
    for name in names.split("|"):
        spaced = name[0] < _UNSPACED
        end = r"(?!\w)" if spaced and len(name) <= _SHORT else ""
        words.append((r"(?<![^\W\d_])" if spaced else "") + re.escape(name) + end)
    return re.compile("|".join(words), re.IGNORECASE)


NAMES = {country: _pattern_of(names) for country, names, _ in TABLE}
_NAMES = [(name, country) for country, names, _ in TABLE for name in names.split("|")]
FORMS = {country: tuple(Form(*form) for form in forms) for country, _, forms in TABLE}
# python-stdnum's modules for these check lengths, dates or regions only
_NO_DIGITS_CHECKED = frozenset(("", "ar.dni", "id.nik", "pk.cnic"))
_ALL = [(country, form) for country, forms in FORMS.items() for form in forms]
_TELLING = [(country, form) for country, form in _ALL if form.is_telling]
_OTHERS = [(country, form) for country, form in _ALL if not form.is_telling]
# one search for all of them: a position where none matches is skipped at once
_TELLING_ANYWHERE = re.compile(
    f"{_START}(?=[A-Za-z]{{0,3}}[ -]?[A-Za-z]{{0,6}}[ -]?\\d)"
    f"(?=(?:{'|'.join(f'(?:{form.body})' for _, form in _TELLING)}){_END})",
    re.ASCII,
)
_ANY_COUNTRY = _pattern_of(ANY_COUNTRY)
_WORD = re.compile(r"[^\W\d_]+")
# a name's first word, or how it begins, to the names; those of scripts without spaces stand apart
_EVERY_NAME = [*_NAMES, *((name, "") for name in ANY_COUNTRY.split("|"))]
_UNSPACED_NAMES = [(name, country) for name, country in _EVERY_NAME if name[0] >= _UNSPACED]
_FIRST_WORDS: dict[str, list[tuple[str, str]]] = {}
for _name, _country in _EVERY_NAME:
    if _name[0] < _UNSPACED:
        _FIRST_WORDS.setdefault(_WORD.findall(_name)[0][:_SHORT], []).append((_name, _country))


def find_national_ids(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """Spans of identity numbers in the order of the forms; they may overlap."""
    end = min(end, len(text))
    names, named = _countries_named(text[start:end].lower().replace("_", " "))
    others = [(country, form) for country, form in _OTHERS if named or country in names]

    def counts(country: str, form: Form, match: re.Match[str]) -> bool:
        span = match.span()
        return form.is_valid(match.group()) and (
            (country in names and is_named(text, *span, NAMES[country]))
            or (named and form.is_telling and is_named(text, *span, _ANY_COUNTRY))
            or (form.is_telling and _is_plausible(text, *span, form.counts))
        )

    for found in _TELLING_ANYWHERE.finditer(text, start, end):
        ends = []
        for country, form in _TELLING:
            match = form.pattern.match(text, found.start(), end)
            if match and counts(country, form, match):
                ends.append(match.end())
        if ends:  # the longest: six digits and four may begin a longer number of another country
            yield found.start(), max(ends)
    for country, form in others:
        for match in form.pattern.finditer(text, start, end):
            if counts(country, form, match):
                yield match.span()


def _countries_named(lower: str) -> tuple[set[str], bool]:
    """The countries whose numbers' names may be in a text, and whether a general name is."""
    words = {word[:_SHORT] for word in _WORD.findall(lower)}
    likely = [name for word in words & _FIRST_WORDS.keys() for name in _FIRST_WORDS[word]]
    likely += () if lower.isascii() else _UNSPACED_NAMES
    countries = {country for name, country in likely if name in lower}
    return countries - {""}, "" in countries


def _is_plausible(text: str, start: int, stop: int, counts: str) -> bool:
    """Whether the text around a valid number without a name allows it to be a person's."""
    if is_other(text, start) or is_in_address(text, start) or is_in_row(text, start, stop):
        return False
    if is_in_persons_record(text, start, stop):
        return not phone_names.STRONG.search(phone_names.fold(before(text, start)))
    number = text[start:stop]
    return (
        (counts == ALONE or (counts == PERSON and is_beside_a_person(text, start)))
        and not _TIME_STAMP.fullmatch(number)
        and not _DATE_AND_LETTER.fullmatch(number)
    )


_TIME_STAMP = re.compile(r"\d{6,8}-(?:[01]\d|2[0-3])[0-5]\d|1[5-9]\d{11}")  # 20240518-1030; ms
_DATE_AND_LETTER = re.compile(r"(?:19|20)\d\d(?:0\d|1[0-2])[0-3]\d-?[A-Z]")  # 20061231A


def is_snils(digits: str) -> bool:
    """Whether it is a valid Russian SNILS: weights 9..1, mod 101, 100 written as 00."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1)))
    return int(digits[9:]) == total % 101 % 100


def is_resident_id(number: str) -> bool:
    """Whether it is a valid Chinese number (GB 11643-1999): a date inside, ISO 7064 mod 11-2."""
    try:
        datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return mod_11_2.is_valid(number.upper())


def is_taiwan(number: str) -> bool:
    """Whether a Taiwanese number is valid: a letter's two digits and the others, weights 1 9 8 …
    1 1: 0 mod 10.
    """
    value = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    digits = [value // 10, value % 10, *map(int, number[1:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    return sum(digit * weight for digit, weight in zip(digits, weights)) % 10 == 0


def is_hong_kong(number: str) -> bool:
    """Whether a Hong Kong number is valid: letters as 10..35 (none as 36), weights 9 … 1, mod 11; A
    is ten (Immigration Department).
    """
    compact = number.replace("(", "").replace(")", "").rjust(9)
    values = [36 if sign == " " else int(sign, 36) for sign in compact]
    return sum(value * weight for value, weight in zip(values, range(9, 0, -1))) % 11 == 0


def is_singapore(number: str) -> bool:
    """Whether a Singaporean number is valid: weights 2 7 6 5 4 3 2, an offset by the first letter,
    mod 11: one of eleven letters.
    """
    total = sum(int(digit) * weight for digit, weight in zip(number[1:8], (2, 7, 6, 5, 4, 3, 2)))
    total += {"S": 0, "F": 0, "T": 4, "G": 4, "M": 3}[number[0]]
    if number[0] in "ST":
        return number[8] == "JZIHGFEDCBA"[total % 11]
    if number[0] in "FG":
        return number[8] == "XWUTRQPNMLK"[total % 11]
    return number[8] == "KLJNPQRTUWX"[10 - total % 11]


CHECKS: dict[str, Callable[[str], bool]] = {
    "snils": lambda number: is_snils(re.sub(r"\D", "", number)),
    "cn": is_resident_id,
    "tw": is_taiwan,
    "hk": is_hong_kong,
    "sg": is_singapore,
}


@functools.cache
def _stdnum(name: str) -> Any:
    return importlib.import_module(f"stdnum.{name}")
