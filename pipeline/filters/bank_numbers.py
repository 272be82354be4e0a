"""Finds payment cards and international bank accounts: text in, spans out.

Both have check digits. An IBAN's two check digits, its country's length and its letters are enough
evidence; a card's single check digit is not, so the text around the digits decides as well.
"""

import re
import sys
from collections.abc import Iterator

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
_IBAN_REGISTRY = (  # country and characters; SWIFT's list
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27"
    " DK18 DO28"
    " EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23"
    " IQ23 IS26"
    " IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31"
    " MU30"
    " NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24"
    " SM27 SO23"
    " ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_REGISTRY.split()}


def find_cards(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """Payment cards: right check digits with a name, a holder, an expiry date or a card's form."""
    for match in _CARD.finditer(text, start, end):
        digits = re.sub(r"\D", "", match.group())
        if not (_CARD_ISSUER.fullmatch(digits) and luhn(digits)) or len(set(digits)) < 3:
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


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if position % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def find_ibans(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """International bank account numbers, bare or in groups separated by spaces or hyphens."""
    for match in _IBAN_START.finditer(text, start, end):
        length = _IBAN_LENGTHS.get(match.group(1).upper(), 0)
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
    """Whether the two check digits are right (ISO 13616: mod 97 is 1, letters as 10..35)."""
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1
