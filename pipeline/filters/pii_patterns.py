"""Finds personal data but telephone and identity numbers: one function a kind, text in, spans out.

Numbers that carry a check are held against it (Luhn for cards, mod 97 for IBANs, `ipaddress` for
addresses), so that a stray row of digits stays. Every pattern is linear in the text's length.
"""

import ipaddress
import re
import sys
from collections.abc import Iterator

Span = tuple[int, int]

_LOCAL_PART = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]*")
_DOMAIN = re.compile(r"@(?:\w[\w-]*\.)+(?=[^\W\d_])\w[\w-]*\w")

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# what begins with digits is found fast; the pattern proper looks behind itself at every character
_FOUR_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_IPV4 = re.compile(rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)", re.ASCII)
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:v|ver|versions?|release|build|firmware|driver|kernel|update|revision|rev|section|sec"
    r"|chapter|clause|chrome|firefox|safari|edge|opera)|§)[.:/\s]*$",
    re.IGNORECASE,
)
# four parts below this are a section's number: on 700 real pages all six were, and one public
# address in some 4,000 looks so
_SECTIONS = 32
_VERSION_WORD_CHARACTERS = 24  # how far back the word before a number is looked for
_IPV6_START = re.compile(r"[23][0-9A-Fa-f]{3}:")
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,35}(?!\w)")

_CARD = re.compile(
    r"(?<![\w.+/-])(?:\d{4}([ \u00a0\u202f-]?)\d{4}\1\d{4}\1\d{1,7}"
    r"|3\d{3}([ \u00a0\u202f-]?)\d{6}\2\d{4,5})(?!\w|[.-]\d)",
    re.ASCII,
)
_CARD_ISSUER = re.compile(  # first digits and lengths that card companies give out
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)

_SPACES = " \u00a0\u202f"
_IBAN_START = re.compile(rf"(?<!\w)([A-Z]{{2}})\d\d(?=[{_SPACES}]?[A-Z0-9])")
_IBAN_REGISTRY = (  # country and characters; SWIFT's list
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28"
    " EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26"
    " IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30"
    " NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23"
    " TN24 TR26 UA29 VA22 VG24 XK20"
)
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_REGISTRY.split()}

_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)[\s\S]){0,20000}-----END [A-Z0-9 ]{1,40}-----|(?:\s+[A-Za-z0-9+/=]{16,})*)"
    r"|(?<![\w-])(?:"
    r"A(?:KI|SI)A[A-Z0-9]{16}"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255}|glpat-[\w-]{20,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|sk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}"  # OpenAI, Anthropic
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}"  # Google, Hugging Face, npm
    r"|SG\.[\w-]{22}\.[\w-]{43}|pypi-AgEIcHlwaS5vcmc[\w-]{50,}"  # SendGrid, PyPI
    r"|dop_v1_[0-9a-f]{64}|ya29\.[\w-]{20,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"  # DigitalOcean …
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"  # JSON Web Token
    r")(?![\w-])",
    re.ASCII,
)


# one of these is in every key: looking for them is much faster than the pattern
_KEY_SIGNS = (
    *("-----BEGIN", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "xox", "sk-", "_live_", "_test_", "AIza", "hf_", "npm_", "SG.", "pypi-AgE"),
    *("dop_v1_", "ya29.", "shpat_", "shpca_", "shppa_", "shpss_", "eyJ"),
)
# Six digits, with at most three signs between two of them: in every number with a check digit and
# in every telephone number. Texts hold few such places, and only these are looked at closely.
_DIGITS_TOGETHER = re.compile(r"\d(?:[^\d\n]{0,3}\d){5,}")
_PAN = "PAN"  # India's tax number has four digits, and counts behind its name only
_BEFORE, _AFTER = 64, 64  # characters: names of numbers stand before them
_MAX_EDGE = 256  # how far a window's edge moves to stand between words


def digit_windows(text: str) -> list[Span]:
    """Where numbers with many digits may stand, as spans that begin and end between words."""
    places = [match.span() for match in _DIGITS_TOGETHER.finditer(text)]
    at = text.find(_PAN)
    while at >= 0:
        places.append((at, at + len(_PAN)))
        at = text.find(_PAN, at + 1)
    places.sort()
    windows: list[Span] = []
    for first, last in places:
        start = max(0, first - _BEFORE)
        # not at line breaks: a number's name may stand in the line before
        start = max(text.rfind(" ", max(0, start - _MAX_EDGE), start) + 1, start - _MAX_EDGE, 0)
        end = text.find(" ", last + _AFTER, last + _AFTER + _MAX_EDGE)
        end = min(len(text), last + _AFTER + _MAX_EDGE) if end < 0 else end
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    return windows


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses in any script; what is glued to the address before belongs to that one."""
    end = 0
    start = -1  # of an address not yet handed out, which ends at `end`
    for domain in _DOMAIN.finditer(text) if "@" in text else ():
        between = text[end : domain.start()]
        reversed_part = _LOCAL_PART.match(between[::-1])
        part = between[len(between) - len(reversed_part.group()) :] if reversed_part else ""
        if start >= 0 and len(part) == len(between):
            end = domain.end()
            continue
        if start >= 0:
            yield start, end
        trimmed = part.lstrip("".join(sign for sign in part if not sign.isalnum() and sign != "_"))
        start = domain.start() - len(trimmed) if trimmed else -1
        end = domain.end()
    if start >= 0:
        yield start, end


def find_ipv4s(text: str, public_only: bool) -> Iterator[Span]:
    """IPv4 addresses, but for those behind "version" or of four small parts ("15.3.1.2 Skipping").

    FineWeb replaces these too: it takes version numbers for addresses.
    """
    for candidate in _FOUR_NUMBERS.finditer(text) if text.count(".") >= 3 else ():
        match = _IPV4.match(text, candidate.start())
        if match is None:
            continue
        before = text[max(0, match.start() - _VERSION_WORD_CHARACTERS) : match.start()]
        is_section = all(int(part) < _SECTIONS for part in match.group().split("."))
        if is_section or _VERSION_BEFORE.search(before):
            continue
        if not public_only or ipaddress.ip_address(match.group()).is_global:
            yield match.span()


def find_ipv6s(text: str, public_only: bool) -> Iterator[Span]:
    """IPv6 addresses of the range in use (2000::/3); a trailing colon is the sentence's."""
    for candidate in _IPV6_START.finditer(text) if text.count(":") >= 2 else ():
        match = _IPV6.match(text, candidate.start())
        if match is None:
            continue
        value = match.group()
        if value.endswith(":") and not value.endswith("::"):
            value = value[:-1]
        try:
            address = ipaddress.IPv6Address(value)
        except ValueError:
            continue  # not an address, which is what was asked
        if not public_only or address.is_global:
            yield match.start(), match.start() + len(value)


def find_cards(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """Payment cards: an issuer's digits with a right check digit, customarily grouped or bare."""
    for match in _CARD.finditer(text, start, end):
        digits = re.sub(r"\D", "", match.group())
        if _CARD_ISSUER.fullmatch(digits) and luhn(digits):
            yield match.span()


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if position % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def find_ibans(text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Span]:
    """International bank account numbers, bare or in groups parted by single spaces."""
    for match in _IBAN_START.finditer(text, start, end):
        length = _IBAN_LENGTHS.get(match.group(1), 0)
        position, compact = match.start(), ""
        while len(compact) < length and position < len(text):
            sign = text[position]
            if sign.isascii() and (sign.isdigit() or sign.isupper()):
                compact += sign
            elif sign not in _SPACES or text[position - 1] in _SPACES:
                break
            position += 1
        ends_there = not text[position : position + 1].isalnum()
        if length and len(compact) == length and ends_there and iban_check(compact):
            yield match.start(), position


def iban_check(compact: str) -> bool:
    """Whether the two check digits are right (ISO 13616: mod 97 is 1, letters as 10..35)."""
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1


def find_keys(text: str) -> Iterator[Span]:
    """Access keys and tokens of well-known makes, and private key blocks."""
    if not any(map(text.__contains__, _KEY_SIGNS)):
        return
    for match in _KEY.finditer(text):
        yield match.span()
