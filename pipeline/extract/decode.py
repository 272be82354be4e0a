"""Bytes of a page to text: byte-order mark, UTF-8 if it is, else what the page declares or shows.

Declarations are often wrong in both directions, so bytes that are valid UTF-8 are UTF-8 whatever is
declared. Otherwise the charset of the HTTP header, that of the page and that which resiliparse
detects are tried in this order: the first one is taken, even with bad bytes, if the decoded text is
plausible; if none is, the most plausible one. The number of faults never decides between charsets:
some of them can decode anything. Decoding never fails: a bad byte becomes U+FFFD.
"""

import codecs
import contextlib
import re

from resiliparse.parse.encoding import detect_encoding

from pipeline.extract.charsets import ESCAPED, MULTI_BYTE, decode_as, encoding_of, without_faults
from pipeline.extract.plausible import plausibility
from pipeline.extract.prescan import declared_charset

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32le"),
    (codecs.BOM_UTF32_BE, "utf-32be"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_MARKS = tuple(mark for mark, _ in MARKS)
# Bytes of other charsets form UTF-8 sequences by chance: in every charset measured fewer than half
# as many as faults (Thai, the worst, 0.4 to 1; cp1252 and cp1251 almost none).
CERTAIN_UTF8 = 3  # sequences to a fault: UTF-8 whatever is declared
DECLARED_UTF8 = 1  # the same if it is declared, or nothing is
PLAUSIBLE = 0.5  # share of plausible characters: enough for a declared charset
EVIDENT = 0.9  # enough for a declared charset, without trying others
CONVINCING = 0.8  # enough for a guessed charset
MARGIN = 0.3  # by which a charset that is not declared must be more plausible
MAX_FAULTS = 0.1  # of the characters outside ASCII: so many may be left out to detect the rest
SAMPLE_BYTES = 64 * 1024  # from the first byte outside ASCII on: enough to distinguish charsets

_PAIRS = (
    ("iso-8859-2", "windows-1250"),
    ("iso-8859-6", "windows-1256"),
    ("iso-8859-7", "windows-1253"),
    ("iso-8859-13", "windows-1257"),
    ("koi8-u", "koi8-r"),
)
SIBLINGS = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}

CYRILLIC = ("windows-1251", "koi8-r", "koi8-u", "iso-8859-5", "ibm866", "x-mac-cyrillic")

_ASCII = bytes(range(128))
# Not one letter of the charsets with gaps (Greek, Hebrew, Thai) is among these.
_RARE = re.compile(rb"[\x80-\x9f\xff]")
_HIGH = re.compile(rb"[\x80-\xff]")


def decode(html: bytes, declared: str = "") -> tuple[str, str]:
    """Decode a page.

    Args:
        html: its bytes.
        declared: the charset of the HTTP header; "" if it names none.

    Returns:
        The text, and the name of the charset that was used.
    """
    for mark, charset in MARKS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, "replace"), charset
    text = plain_utf8(html, declared)
    if text is not None:
        return text, "utf-8"
    if charset := _wide(html):
        return html.decode(charset, "replace"), charset
    names = [name for name in (encoding_of(declared), declared_charset(html)) if name]
    if charset := _escaped(html, names):
        return decode_as(html, charset), charset
    with contextlib.suppress(UnicodeDecodeError):
        return html.decode("utf-8"), "utf-8"
    return _eight_bit(html, names)


def plain_utf8(html: bytes, declared: str = "") -> str | None:
    """The text of a page that is all valid UTF-8, as most are.

    None if that is not certain, or the page has a byte-order mark, which is not text.
    """
    if html.startswith(_MARKS) or b"\x1b" in html or html.find(b"\0", 0, 200) >= 0:
        return None
    if _is_hz_possible(html, declared):
        return None
    with contextlib.suppress(UnicodeDecodeError):
        return html.decode("utf-8")
    return None


def _is_hz_possible(html: bytes, declared: str) -> bool:
    """Whether the page may be in a charset that uses only ASCII's printable characters."""
    return (
        "hz-" in declared.lower()
        or html.find(b"z-gb-", 0, 1024) > 0
        or (html.find(b"Z-GB-", 0, 1024) > 0)
    )


def _wide(html: bytes) -> str:
    """The name of UTF-16 without a byte-order mark, by the zero bytes of its markup; else ""."""
    head = html[:200]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.1 * len(head) or min(even, odd) > 0.1 * max(even, odd):
        return ""
    return "utf-16be" if even > odd else "utf-16le"


def _escaped(html: bytes, names: list[str]) -> str:
    """A charset with escape sequences, if it is declared or its escapes are there; else ""."""
    for name in names:
        if name in ESCAPED and ESCAPED[name] in html:
            return name
    return "iso-2022-jp" if b"\x1b$B" in html or b"\x1b$@" in html else ""


def _eight_bit(html: bytes, names: list[str]) -> tuple[str, str]:
    """Decode a page that is only partly UTF-8, or not at all."""
    names = [name for name in names if name not in ESCAPED and not name.startswith("utf-16")]
    lenient, sequences, broken = _as_utf8(html)
    is_utf8 = "utf-8" in names
    certain = DECLARED_UTF8 if is_utf8 or not names else CERTAIN_UTF8
    if sequences >= certain * broken and (sequences or is_utf8 or not names):
        return lenient, "utf-8"
    names = list(dict.fromkeys(name for name in names if name != "utf-8"))
    first = _HIGH.search(html)
    sample = html[max(0, first.start() - 100) :][:SAMPLE_BYTES] if first else html
    rated = {name: plausibility(decode_as(sample, name), name) for name in names}
    if len(names) == 1 and rated[names[0]] >= EVIDENT and not _is_mostly_capitals(sample, names[0]):
        return decode_as(html, names[0]), names[0]
    found = _detected(sample)
    if len(names) > 1 and found == names[1]:
        names.reverse()  # servers name one charset for all their pages, which may be wrong here
    for name in names:
        if rated[name] >= PLAUSIBLE and not _is_other(name, rated[name], found, sample):
            return decode_as(html, name), name
    for name in filter(None, (found, "windows-1252", "macintosh")):
        rated.setdefault(name, plausibility(decode_as(sample, name), name))
    if "macintosh" not in (found, *names):
        rated["macintosh"] -= MARGIN
    rated["utf-8"] = sequences / max(1, sequences + broken)
    best = max(rated, key=lambda name: rated[name])  # the first of equals
    if best == "windows-1252" and is_utf8 and sequences:  # a page joined from both
        return html.decode("utf-8", "crawl2chat-windows-1252"), "utf-8"
    return (lenient if best == "utf-8" else decode_as(html, best)), best


def _as_utf8(html: bytes) -> tuple[str, int, int]:
    """The page as UTF-8, and the numbers of complete and of broken multi-byte sequences."""
    lenient, end = codecs.utf_8_decode(html, "replace", False)
    own = html.count(b"\xef\xbf\xbd")  # U+FFFD that the page itself has
    broken = lenient.count("\ufffd") - own
    ascii_bytes = end - len(html[:end].translate(None, _ASCII))
    sequences = len(lenient) - ascii_bytes - broken - own
    if end < len(html):  # cut inside a character: not a fault if the page has other sequences
        lenient += "\ufffd"
    return lenient, sequences, broken


def _is_other(name: str, rate: float, found: str, sample: bytes) -> bool:
    """Whether a declared charset of single bytes, which decodes anything, is the wrong one."""
    if _is_mostly_capitals(sample, name):  # KOI8 has small letters where Windows has capitals
        return found in CYRILLIC and not _is_mostly_capitals(sample, found)
    if name in MULTI_BYTE or found not in MULTI_BYTE:
        return False
    other = plausibility(decode_as(sample, found), found)
    return other >= CONVINCING and other > rate


def _is_mostly_capitals(sample: bytes, name: str) -> bool:
    """Whether a page of Cyrillic has more capitals than small letters."""
    if name not in CYRILLIC:
        return False
    letters = [one for one in decode_as(sample, name) if "\u0400" <= one < "\u0530"]
    return 2 * sum(map(str.isupper, letters)) > len(letters)


def _detected(sample: bytes) -> str:
    """The charset that is detected from the bytes; "" if none is."""
    found = _detect(sample)
    if found in MULTI_BYTE:
        return found
    # One bad byte is enough for the detector to exclude a charset: try again without it.
    for name in MULTI_BYTE:
        text = decode_as(sample, name)
        characters = sum(map("\x7f".__lt__, text))
        faults = text.count("\ufffd")
        few = 0 < faults <= MAX_FAULTS * characters
        convincing = few and plausibility(text, name) >= CONVINCING
        if convincing and _detect(without_faults(sample, name)) == name:
            return name
    found = found or _detect(_RARE.sub(b"", sample))
    # ISO's charsets and Windows' differ in a few letters, which are symbols in the other.
    likely = [name for name in (found, SIBLINGS.get(found)) if name]
    if len(likely) > 1:
        found = max(likely, key=lambda name: plausibility(decode_as(sample, name), name))
    return found


def _detect(sample: bytes) -> str:
    name = encoding_of(detect_encoding(sample, html5_compatible=False) or "")
    return "" if name.startswith("cp") else name  # the web has no pages of DOS but Russian ones
