"""Finds telephone numbers in text, preferring to miss one over taking a year or price for one.

Three forms: international ("+44 20 …"), national in its customary grouping ("(202) 555-0143",
"020 7946 0991"), and anything valid behind a name such as "tel.". Words that mean more than a
telephone ("cell", "call", "text") name a number only if its form is a telephone number's as well.
Digits are judged by Google's numbering plans (the `phonenumbers` package). Bare digits without a
name stay.
"""

import functools
import re
import sys
from collections.abc import Iterator

import phonenumbers

from pipeline.filters.surroundings import (
    before,
    is_beside_a_person,
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
    r"(?<![\w.,+$€£#/–-])(?:8 ?)?\(\d{2,4}\) ?\d{3,5}-\d{2}(?:-\d\d|\d\d)" + _END, re.ASCII
)
_DIGITS = re.compile(rf"(?<![\w+(])\+?\(?\d(?:{_GAP}\d){{5,14}}(?!\w)", re.ASCII)
_LINK = r"(?:[^\w\n]|</?t[dh]>){0,8}\n?[ \t]{0,4}"
_FILLERS = (
    r"(?:(?:us|me|him|her|now|today|on|at|number|numbers|num|no|nr|nº|n°|is|toll-?free|free"
    r"|direct|line|office"
    r"|home|work|private|privat|day|night|int|intl|ext|of|the|our|reception|desk|customer|service"
    r"|support|ist"
    r"|es|est|é|è|au|al|unter|sous|le|el|la|il|die|der|номер|号码|番号)\b[.:#\s\u00a0)\-]{1,3}){0,4}"
)
_NAME_BEFORE = re.compile(
    r"(?:(?<![^\W\d_])(?:tel|tele?phone?s?|telef[oó]n[oe]?|telefono|telefonnummer|telefonisch"
    r"|telefoon(?:nummer)?"
    r"|telefoni|tlf|tlph|t[eé]l[eé]phone|t[eé]l|ph|phones?|fone|fax|faks|telefax|telecopie"
    r"|t[eé]l[eé]copie|mobiltelefon"
    r"|handy(?:nummer)?|rufnummer|durchwahl|portable|celular|m[oó]vil|cellulare|gsm|whats ?app"
    r"|viber|hotline|helpline"
    r"|freephone|toll-?free|voicemail|pager|puh|puhelin|matkapuhelin|telefonas|τηλ|τηλέφωνο|κιν"
    r"|тел|телефон|факс"
    r"|моб|мобильный|سلفون|هاتف|تلفون|جوال|फ़ोन|फोन|मोबाइल|điện thoại|đt|sđt|telepon|hp|โทร"
    r"|โทรศัพท์)"
    + _LINK
    + _FILLERS
    + r"|(?:电话|電話|手机|手機|传真|傳真|热线|携帯|携帯電話|TEL|FAX|전화|휴대폰|연락처|팩스)"
    r"(?:号码|番号|번호)?[:：\s]{0,3}"
    r"|(?:拨打|致电|撥打|まで|お電話は)[:：\s]{0,3}"
    # a mobile's field, and what is asked of the reader: "call Anna on 606 992 967"
    r"|(?<![^\W\d_])(?:mobiles?|cell|mob|mobil)(?: (?:is|no|number|nr|phone))*"
    r"[\"']?(?:</t[dh]>\W{0,3}<t[dh]>| ?[:=|\t] ?|(?<=is) )[\"']?"
    r"|(?<![^\W\d_])(?:call|ring|phone|text|reach|ask for|dial|appele[rz]|rufen sie|anrufen|llame"
    r"|llámame|llamar|chiama(?:re|mi)?|ligue|volejte|zadzwoń|dzwoń|bel|позвоните|звоните)"
    r"(?: [^\W\d_]+){0,3} (?:on|at|under|unter|au|al|no|para|pod|op|på|по)[: ]{1,2})$",
    re.IGNORECASE,
)
_WEAK_NAME_BEFORE = re.compile(
    r"(?<![^\W\d_/.])(?<![./])(?:mobiles?|mob|mobil|cell|call(?:ing)?|ring|dial(?:ing)?|sms|text"
    r"|contacts?|phoning|reach(?:ed)?"
    r"|appeler|appelez|anrufen|llame|llamar|chiamare|ligue|zadzwoń|bel|ring)"
    + _LINK
    + _FILLERS
    + "$",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"[2-9]\d\d[-.]\d{4}", re.ASCII)  # "555-0143", only behind a name
_TEN_DIGITS = re.compile(r"[2-9]\d\d([ .-]?)[2-9]\d\d\1\d{4}", re.ASCII)  # of North America
_GROUP_BREAK = re.compile(r"[^\d]+\d+$")
# the year of a citation, a number with decimals, columns of signed numbers
_NO_NUMBER = re.compile(r"\((?:1[5-9]|20)\d\d\)|^\d\.\d+(?:$| )| [-–]\d")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_FIELD_END = re.compile(r"[.,;|)]?\s*(?:$|\n)|[,;|]")
_MIN_DIGITS = 7
_OWN_MIN_GROUPS = 2  # of digits, in a number that only a person's name speaks for
_PLAUSIBLE_AREA = "2345678"  # behind a North American area code, to ask whether that exists


def find_phones(
    text: str,
    regions: tuple[str, ...],
    named_regions: tuple[str, ...],
    start: int = 0,
    end: int = sys.maxsize,
) -> Iterator[tuple[int, int]]:
    """Spans of telephone numbers; they may overlap where two forms find the same number.

    National forms count by the plans of `regions`, behind a name by those of `named_regions` too.
    """
    if text.find("+", start, end) >= 0:
        for match in _INTERNATIONAL.finditer(text, start, end):
            number, first = match.group(), match.start()
            if _NO_NUMBER.search(number) or (
                _DECIMALS.match(number) and not _NAME_BEFORE.search(before(text, first))
            ):
                continue
            length = _valid_length(number, ())
            if length:
                yield first, first + length
    for match in _DIALLED.finditer(text, start, end):
        if _is_valid_in("+" + match.group(1), None) and not _stands_wrong(text, *match.span()):
            yield match.span()
    shapes = [_TRUNK_ZERO, _BRACKETS]
    if "US" in regions or "CA" in regions:
        shapes.append(_NORTH_AMERICAN)
    for shape in shapes:
        for match in shape.finditer(text, start, end):
            if _is_shown(match.group(), shape, regions) and not _stands_wrong(text, *match.span()):
                yield match.span()
    every = tuple(dict.fromkeys(regions + named_regions))
    for match in _DIGITS.finditer(text, start, end):
        first = match.start()
        said = before(text, first)
        strong = bool(_NAME_BEFORE.search(said)) or _belongs_to_somebody(text, *match.span())
        weak = strong or _WEAK_NAME_BEFORE.search(said)
        if not weak or _NO_NUMBER.search(match.group()):
            continue
        length = _valid_length(match.group(), every if strong else regions)
        number = match.group()[:length]
        if length and (strong or _is_formed(number)) and not is_in_address(text, first):
            yield first, first + length


def _belongs_to_somebody(text: str, start: int, stop: int) -> bool:
    """Whether groups of digits without a name stand behind a person's, or among addresses."""
    number = text[start:stop]
    groups = len(re.findall(r"\d+", number))
    if (
        groups < _OWN_MIN_GROUPS
        or (0 < number.count(".") < max(2, groups - 1))
        or _YEAR.search(number)
    ):
        return False
    ends = _FIELD_END.match(text, stop) is not None
    known = (ends and is_beside_a_person(text, start)) or is_in_contact_block(text, start, stop)
    return known and not _stands_wrong(text, start, stop)


def _stands_wrong(text: str, start: int, stop: int) -> bool:
    """Whether a number without a name is something else by what stands around it."""
    return is_other(text, start) or is_in_address(text, start) or is_in_row(text, start, stop)


def _is_shown(number: str, shape: re.Pattern[str], regions: tuple[str, ...]) -> bool:
    """Whether the number is one by its form and the plans."""
    if shape is _NORTH_AMERICAN:
        return _area_exists(re.sub(r"\D", "", number)[-10:-7])
    if shape is _BRACKETS:
        return _is_valid(number, ("BR", "RU", "MX", "AR"))
    digits = sum(map(str.isdigit, number))
    if not _TRUNK_ZERO_MIN_DIGITS <= digits <= _TRUNK_ZERO_MAX_DIGITS or _TWO_POSTCODES.fullmatch(
        number
    ):
        return False
    return _is_valid(number, regions)


def _is_formed(number: str) -> bool:
    """Whether a number behind a word of many meanings looks like one that is dialled."""
    if number[0] in "+(0" or _LOCAL.fullmatch(number):
        return True
    return bool(_TEN_DIGITS.fullmatch(number)) and _area_exists(number[:3])


@functools.cache
def _area_exists(area: str) -> bool:
    return _is_valid_in(area + _PLAUSIBLE_AREA, "US") or _is_valid_in(area + _PLAUSIBLE_AREA, "CA")


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
