"""Bytes of a page to text: byte-order mark, UTF-8 if it is, else what the page declares or shows.

FineWeb takes UTF-8, else a detected charset. Declarations are often wrong in both directions, so
bytes that are valid UTF-8 are UTF-8 whatever is declared; else the declared charset has to decode
the page without a fault, and a single-byte one (which decodes anything) also has to agree with
what resiliparse detects, if that is a multi-byte charset. Decoding never fails: at the worst some
characters are replaced.
"""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

META_BYTES = 2048  # a page's own declaration stands at its beginning
META = re.compile(
    rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)|"
    rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)",
    re.IGNORECASE,
)
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Browsers read these labels as larger charsets than Python's codecs of the same name.
SUPERSETS = {"gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "iso8859-11": "cp874"}
MULTI_BYTE = ("gb18030", "big5", "cp932", "euc_jp", "cp949")
# A page of UTF-8 with a few broken bytes: cut off in a character, or joined from two sources.
MAX_BROKEN_SHARE = 0.05  # of the characters outside ASCII
C1_CONTROLS = re.compile("[\x80-\x9f]")


def decode(html: bytes, declared: str = "") -> tuple[str, str]:
    """The page as text, and the charset that was used; `declared` is the HTTP header's."""
    for mark, charset in MARKS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, "replace"), charset
    names = [python_name(declared), python_name(meta_charset(html))]
    if "iso2022_jp" in names and b"\x1b" in html:
        return html.decode("iso2022_jp", "replace"), "iso2022_jp"
    if b"\0" in html[:200] and any(name.startswith("utf-16") for name in names):
        charset = "utf-16-be" if html[:1] == b"\0" else "utf-16-le"
        return html.decode(charset, "replace"), charset
    try:
        return html.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass  # the common case ends above; what follows is for the others
    lenient = html.decode("utf-8", "replace")
    broken = lenient.count("\ufffd")
    whole = sum(1 for character in lenient if character > "\x7f") - broken
    if broken <= MAX_BROKEN_SHARE * whole:
        return lenient, "utf-8"

    detected = python_name(detect_encoding(html, html5_compatible=False) or "")
    for name in names:
        if not name or name.startswith("utf"):
            continue
        if name not in MULTI_BYTE and detected in MULTI_BYTE and faults(html, detected) == 0:
            return html.decode(detected), detected
        if faults(html, name) == 0:
            return html.decode(name), name
    # No declaration holds: the candidate with the fewest faults, the detected one first.
    candidates = [name for name in (detected, *names, "cp1252") if name]
    best = min(candidates, key=lambda name: faults(html, name))  # the first of equals
    return html.decode(best, "replace"), best


def faults(html: bytes, charset: str) -> int:
    """Characters that a wrong charset leaves: replacements, and controls no page holds."""
    text = html.decode(charset, "replace")
    return text.count("\ufffd") + len(C1_CONTROLS.findall(text))


def meta_charset(html: bytes) -> str:
    """The charset the page declares in itself, "" if none."""
    match = META.search(html[:META_BYTES])
    return (match.group(1) or match.group(2)).decode("ascii") if match else ""


def python_name(label: str) -> str:
    """Python's name of the charset that browsers read a label as; "" for an unknown one."""
    label = label.strip().lower()
    label = map_encoding_to_html5(label, fallback_utf8=False) or label
    try:
        return codecs.lookup(SUPERSETS.get(label, label)).name if label else ""
    except LookupError:
        return ""
