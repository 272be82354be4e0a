"""Finds national identity numbers: text in, spans out. Check digits are python-stdnum's.

A form that is telling by itself (a Brazilian CPF's signs, an Italian tax code's letters, a French
number's fifteen digits with two for a check) counts where nothing around it says otherwise; all
other forms count behind the number's name only: a check digit is right by chance once in ten.
"""

import dataclasses
import functools
import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any

from pipeline.filters.national_id_forms import TABLE
from pipeline.filters.surroundings import is_in_address, is_in_row, is_named, is_other

Span = tuple[int, int]

_START, _END = r"(?<![\w.+$€£/-])", r"(?!\w|[.-]\d)"
_TIME_STAMP = re.compile(r"\d{6,8}-(?:[01]\d|2[0-3])[0-5]\d")  # 20240518-1030: day, hour, minute
_DATE_AND_LETTER = re.compile(r"(?:19|20)\d\d(?:0\d|1[0-2])[0-3]\d-?[A-Z]")  # 20061231A


@dataclasses.dataclass(frozen=True)
class Form:
    """One way of writing a number of one country."""

    pattern: re.Pattern[str]
    check: str  # module of python-stdnum, "" for numbers without a check
    alone: bool  # whether the form is telling without a name

    def is_valid(self, number: str) -> bool:
        """Whether the number's check digits, dates and parts are right."""
        if self.check == "snils":
            return snils(re.sub(r"\D", "", number))
        return not self.check or _stdnum(self.check).is_valid(number)


_SHORT = 5  # letters of a name that counts as a whole word only: "sin", "cpf"; longer ones go on


def _pattern_of(names: str) -> re.Pattern[str]:
    words = []
    for name in names.split("|"):
        begin = r"(?<![^\W\d_])" if name[0].isascii() else ""  # Chinese has no spaces
        words.append(begin + re.escape(name) + (r"(?!\w)" if len(name) <= _SHORT else ""))
    return re.compile("|".join(words), re.IGNORECASE)


NAMES = {country: _pattern_of(names) for country, names, _ in TABLE}
_NAMES = [(name, country) for country, names, _ in TABLE for name in names.split("|")]
FORMS = {
    country: tuple(
        Form(re.compile(f"{_START}(?:{pattern}){_END}", re.ASCII), check, alone)
        for pattern, check, alone in forms
    )
    for country, _, forms in TABLE
}
_ALONE = [(country, form) for country, forms in FORMS.items() for form in forms if form.alone]
_BEHIND = [(country, form) for country, forms in FORMS.items() for form in forms if not form.alone]


def find_national_ids(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """Spans in the order of the forms; they may overlap."""
    end = min(end, len(text))
    lower = text[start:end].lower()
    names = {country for name, country in _NAMES if name in lower}
    behind = [(country, form) for country, form in _BEHIND if country in names]
    for country, form in _ALONE + behind:
        for match in form.pattern.finditer(text, start, end):
            if not form.is_valid(match.group()):
                continue
            named = country in names and is_named(text, *match.span(), NAMES[country])
            if named or (form.alone and _stands_well(text, *match.span())):
                yield match.span()


def snils(digits: str) -> bool:
    """Russia: weights 9..1, mod 101, 100 written as 00 (python-stdnum has none)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1)))
    return int(digits[9:]) == total % 101 % 100


@functools.cache
def _stdnum(name: str) -> Any:
    return importlib.import_module(f"stdnum.{name}")


def _stands_well(text: str, start: int, stop: int) -> bool:
    """Whether nothing around a number without a name says that it is something else."""
    number = text[start:stop]
    return not (
        _TIME_STAMP.fullmatch(number)
        or _DATE_AND_LETTER.fullmatch(number)
        or is_other(text, start)
        or is_in_address(text, start)
        or is_in_row(text, start, stop)
    )
