"""Finds national identity numbers of large countries: text in, spans out.

A number counts where its form alone is telling (a Brazilian CPF's signs, an Italian tax code's
letters) and its check digits are right; bare digits count only behind the number's name. Formulas
are those of the issuing offices, as python-stdnum documents them. Placeholders: `filters.pii`.
"""

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator

Span = tuple[int, int]

_END = r"(?!\w|[.-]\d)"
_AREA, _GROUP, _SERIAL = r"(?!000|666|9)\d{3}", r"(?!00)\d{2}", rf"(?!0000)\d{{4}}{_END}"
_DATE6 = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # yymmdd


@dataclasses.dataclass(frozen=True)
class Form:
    """One way of writing a number. The number begins at group 1 of the pattern."""

    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool]  # of the number without white space, dots and hyphens


def find_national_ids(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """Spans in the order of the forms; they may overlap."""
    for form in FORMS:
        for match in form.pattern.finditer(text, start, end):
            if form.is_valid(re.sub(r"[\s.\-]", "", text[match.end(1) : match.end()])):
                yield match.end(1), match.end()


def any_number(_: str) -> bool:
    """For forms that carry no check."""
    return True


def verhoeff(digits: str) -> bool:
    """India's Aadhaar (Verhoeff 1969: the dihedral group of order ten); never all one digit."""
    check = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        check = _DIHEDRAL[check][_PERMUTED[place % 8][digit]]
    return check == 0 and len(set(digits)) > 1


def cpf(digits: str) -> bool:
    """Brazil: two check digits, weights rising from the right, mod 11; never all one digit."""
    for length in (9, 10):
        total = sum(int(digit) * weight for digit, weight in zip(digits, range(length + 1, 1, -1)))
        if int(digits[length]) != total * 10 % 11 % 10:
            return False
    return len(set(digits)) > 1


def dni(number: str) -> bool:
    """Spain: the letter is the number mod 23; a foreigner's X, Y, Z stand for 0, 1, 2."""
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return number[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23]


# fmt: off
_ODD_PLACES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25,
               24, 23)
# fmt: on


def codice_fiscale(number: str) -> bool:
    """Italy: odd places by a table, even ones by value, mod 26."""
    total = 0
    for place, sign in enumerate(number[:15]):
        value = int(sign) if sign.isdigit() else ord(sign) - ord("A")
        total += value if place % 2 else _ODD_PLACES[value]
    return number[15] == chr(ord("A") + total % 26)


def nir(number: str) -> bool:
    """France: 97 minus the number mod 97; Corsica's 2A and 2B count as 19 and 18."""
    stem = number[:13].replace("2A", "19").replace("2B", "18")
    return int(number[13:]) == 97 - int(stem) % 97


def resident_id(number: str) -> bool:
    """China (GB 11643-1999, ISO 7064 mod 11-2): the sum over weights 2^(17-place) is 1 mod 11."""
    values = [10 if sign in "xX" else int(sign) for sign in number]
    return sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


def rrn(digits: str) -> bool:
    """South Korea, numbers given before October 2020: weights 2..9 and again, mod 11."""
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights))
    return int(digits[12]) == (11 - total % 11) % 10


def luhn_10(digits: str) -> bool:
    """Sweden and Canada: Luhn's rule over the last ten (or nine) digits."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits[-10:]))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def snils(digits: str) -> bool:
    """Russia: weights 9..1, mod 101, 100 written as 00."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1)))
    return int(digits[9:]) == total % 101 % 100


def pesel(digits: str) -> bool:
    """Poland: weights 1 3 7 9 over all but the last digit, mod 10."""
    total = sum(int(digit) * weight for digit, weight in zip(digits[:10], (1, 3, 7, 9) * 3))
    return int(digits[10]) == -total % 10


def tax_id(digits: str) -> bool:
    """Germany (ISO 7064 mod 11,10)."""
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return int(digits[10]) == (11 - product) % 10


def my_number(digits: str) -> bool:
    """Japan: weights 2..7 and 2..6 from the right, mod 11."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(digits, weights)) % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def _dihedral() -> list[list[int]]:
    """The multiplication table: 0..4 are rotations of a pentagon, 5..9 reflections."""
    return [
        [(a + b) % 5 + 5 * (b >= 5) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10)]
        for a in range(10)
    ]


def _permuted() -> list[list[int]]:
    """Verhoeff's permutation, applied 0 to 7 times."""
    rows = [list(range(10))]
    for _ in range(7):
        rows.append([rows[-1][image] for image in (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)])
    return rows


_DIHEDRAL = _dihedral()
_PERMUTED = _permuted()


def _form(pattern: str, is_valid: Callable[[str], bool], ignore_case: bool = False) -> Form:
    flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    return Form(re.compile(pattern, flags), is_valid)


def _named(names: str, number: str, is_valid: Callable[[str], bool]) -> Form:
    """A number that counts only behind one of its names."""
    lead = rf"(?<!\w)(?:{names})(?: (?:number|no|nummer|numer))?[.:#№\s]{{0,3}}(?:is )?()"
    return _form(lead + number + _END, is_valid, ignore_case=True)


_ALONE = r"(?<![\w.+$-])()"
FORMS = (
    # United States: social security number with hyphens, or behind its name
    _form(rf"{_ALONE}{_AREA}-{_GROUP}-{_SERIAL}", any_number),
    _named("SSN|social security", rf"{_AREA}[ .]?{_GROUP}[ .]?(?!0000)\d{{4}}", any_number),
    # United Kingdom: national insurance number, in its pairs
    _form(r"(?<![\w-])()[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: \d\d){3} [A-D](?!\w)", any_number),
    # India: Aadhaar in fours, or behind its name; PAN behind its name
    _form(rf"{_ALONE}[2-9]\d{{3}} \d{{4}} \d{{4}}(?! ?\d){_END}", verhoeff),
    _named("aadhaar|aadhar", r"[2-9]\d{11}", verhoeff),
    _named("PAN(?: card)?", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", any_number),
    # Brazil: CPF with its signs, or behind its name
    _form(rf"{_ALONE}\d{{3}}\.\d{{3}}\.\d{{3}}-\d\d{_END}", cpf),
    _named("CPF", r"\d{11}", cpf),
    # Spain: DNI, and NIE of foreigners
    _form(rf"{_ALONE}(?:\d{{8}}|[XYZ]-?\d{{7}})-?[A-HJ-NP-TV-Z]{_END}", dni),
    # Italy: codice fiscale
    _form(rf"{_ALONE}[A-Z]{{6}}\d\d[A-EHLMPRST]\d\d[A-Z]\d{{3}}[A-Z]{_END}", codice_fiscale),
    # France: NIR, grouped or bare
    _form(
        rf"{_ALONE}[12]( ?)\d\d\2(?:0[1-9]|1[0-2]|[2-4]\d)\2(?:\d\d|2[AB])\2\d{{3}}\2\d{{3}}"
        rf" ?\d\d{_END}",
        nir,
    ),
    # China: resident identity card, with a date in the middle
    _form(rf"{_ALONE}[1-8]\d{{5}}(?:19|20){_DATE6}\d{{3}}[\dX]{_END}", resident_id),
    # South Korea, Sweden: a date, a hyphen and a serial number
    _form(rf"{_ALONE}{_DATE6}-[1-8]\d{{6}}{_END}", rrn),
    _form(rf"{_ALONE}(?:19|20)?{_DATE6}-\d{{4}}{_END}", luhn_10),
    # Mexico: CURP, whose letters, date, sex and state are telling
    _form(rf"{_ALONE}[A-Z][AEIOUX][A-Z]{{2}}{_DATE6}[HM][A-Z]{{5}}[A-Z\d]\d{_END}", any_number),
    # Russia: SNILS with its signs
    _form(rf"{_ALONE}\d{{3}}-\d{{3}}-\d{{3}}[ -]\d\d{_END}", snils),
    # numbers that are nothing but digits
    _named("PESEL", r"\d{11}", pesel),
    _named(
        "IdNr\\.?|Steuer-?ID(?:entifikationsnummer)?|Steuer-IdNr\\.?",
        r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}",
        tax_id,
    ),
    _named("SIN|social insurance", r"\d{3}([ -]?)\d{3}\2\d{3}", luhn_10),
    _named("my number|個人番号|マイナンバー", r"\d{4}([ -]?)\d{4}\2\d{4}", my_number),
)
