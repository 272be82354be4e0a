"""Finds payment cards and international bank accounts: text in, spans out.

Both have check digits, computed by python-stdnum. An IBAN's two check digits, its country's length
and form are enough evidence; a card's single check digit is not, so the text around the digits
decides as well.
"""

import functools
import re
import sys
from collections.abc import Iterator

from stdnum import iban, luhn, numdb

from pipeline.filters.surroundings import (
    is_in_address,
    is_in_persons_record,
    is_in_row,
    is_named,
    is_other,
)

Span = tuple[int, int]

_CARD = re.compile(
    r"(?<![\w.+/-])(?:\d{4}([ \u00a0\u202f-]?)\d{4}\1\d{4}\1\d{1,7}"
    r"|3\d{3}([ \u00a0\u202f-]?)\d{6}\2\d{4,5}|62\d{4}[ \u00a0\u202f-]\d{10,13})(?!\w|[.-]\d)",
    re.ASCII,
)
_CARD_ISSUER = re.compile(  # first digits and lengths that card companies give out
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
    r"|(?:5[06-9]|6\d)\d{10,17}|220[0-4]\d{12}"
)
_CARD_NAMES = re.compile(
    r"card|\bcc\b|visa|master|maestro|amex|american express|discover|diners|\bjcb\b|union ?pay"
    r"|\bmir\b"
    r"|credit|debit"
    r"|payment|charged?\b|\bpan\b|\bcvv|\bcvc|expir|\bexp\b|carte|\bcb\b|karte|tarjeta|cart[ãa]o"
    r"|carta\b|kaart"
    r"|\bkort|karta|\bkart\b|kart[ıy]|карт|κάρτα|بطاقة|कार्ड|信用卡|银行卡|卡号|卡號|カード|카드",
    re.IGNORECASE,
)
# Without a name: grouped as on a card (fours; 4-6-5), or 15 or 16 digits of the large companies.
_SHOWN = re.compile(
    r"(?:4|5[1-5]|2[2-7]|35|6[0245])\d{2,3}([ \u00a0\u202f-]?)\d{4}\1\d{4}\1\d{4}"
    r"|(?:5[0678]|6[37])\d\d([ \u00a0\u202f-])\d{4}\2\d{4}\2\d{4}"
    r"|3[47]\d\d([ \u00a0\u202f-]?)\d{6}\3\d{5}|3[0689]\d\d([ \u00a0\u202f-])\d{6}\4\d{4}"
    r"|62\d{4}[ \u00a0\u202f-]\d{13}",
    re.ASCII,
)
# the expiry date, month and year, in the next field: "09/27"
_EXPIRY_BEHIND = re.compile(r"[\s,;|]{1,3}(?:exp\w*\W{1,2})?(?:0[1-9]|1[0-2])[/-](?:20)?[2-4]\d\b")
_HELD_MIN_DIGITS = 14  # thirteen are more likely a national number
_YEARS = re.compile(r"(?:(?:1[6-9]|20)\d\d\D?){4}")  # four years

_SPACES = " \u00a0\u202f"
_IBAN_START = re.compile(
    rf"(?<![A-Za-z0-9_])([A-Za-z]{{2}})\d\d(?=[{_SPACES}-]?[A-Za-z0-9]{{4}})", re.ASCII
)


def find_cards(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """Payment cards: right check digits with a name, a holder, an expiry date or a card's form."""
    for match in _CARD.finditer(text, start, end):
        digits = re.sub(r"\D", "", match.group())
        if not (_CARD_ISSUER.fullmatch(digits) and luhn.is_valid(digits)) or len(set(digits)) < 3:
            continue
        holds = len(digits) >= _HELD_MIN_DIGITS and (
            _EXPIRY_BEHIND.match(text, match.end()) or is_in_persons_record(text, *match.span())
        )
        if is_named(text, *match.span(), _CARD_NAMES) or (
            (holds or _SHOWN.fullmatch(match.group()))
            and not _YEARS.fullmatch(match.group())
            and not is_other(text, match.start())
            and not is_in_address(text, match.start())
            and not is_in_row(text, *match.span())
        ):
            yield match.span()


def find_ibans(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """International bank account numbers, bare or in groups separated by spaces or hyphens."""
    for match in _IBAN_START.finditer(text, start, end):
        length = _iban_length(match.group(1).upper())
        position, compact = match.start(), ""
        while len(compact) < length and position < len(text):
            sign = text[position]
            if sign.isascii() and sign.isalnum():
                compact += sign
            elif sign not in _SPACES + "-" or text[position - 1] in _SPACES + "-":
                break
            position += 1
        behind = text[position : position + 1]
        ends_there = not (behind.isascii() and behind.isalnum())
        if length and len(compact) == length and ends_there and is_valid_iban(compact):
            yield match.start(), position


def is_valid_iban(compact: str) -> bool:
    """Whether the check digits and the country's format are right (ISO 13616, SWIFT's registry)."""
    # Without the countries' own checks: Belgium's only knows the banks in python-stdnum's list.
    return bool(iban.is_valid(compact, check_country=False))


@functools.cache
def _iban_length(country: str) -> int:
    """Number of characters of a country's IBANs; 0 if it has none."""
    ((_, found), *_) = numdb.get("iban").info(f"{country}00")
    parts = re.findall(r"\d+", found.get("bban", ""))  # "8!n10!n"
    return 4 + sum(map(int, parts)) if parts else 0
