"""The MIME type of a response as browsers find it: the Fetch standard's "extract a MIME type".

Content-Type may be given several times, or with several values joined by commas: the last valid one
counts, and keeps the charset of an earlier one of the same type.
"""

import functools
import re

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"[\t\n\r ]*({_WORD}/{_WORD})[\t\n\r ]*(?=;|$)")
_PARAMETER = re.compile(
    rf';[\t\n\r ]*(?:({_WORD})[\t\n\r ]*=[\t\n\r ]*("(?:[^"\\]|\\.)*"?|[^;]*))?[^;]*', re.DOTALL
)
# Commas outside quotes separate values
_VALUE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|$))+', re.DOTALL)
_ANY_TYPE = re.compile(rf"{_WORD}/[A-Za-z0-9.+-]+")  # in values that are invalid by the standard
_ANY_CHARSET = re.compile(r"\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)


MAX_CHARACTERS = 1000  # of one header; types have dozens


def extract_type(*values: str) -> tuple[str, str]:
    """The type with its subtype, and the charset, of all headers; "" for what is not given."""
    return _extract(*(value[:MAX_CHARACTERS] for value in values[:10]))


@functools.lru_cache(maxsize=1024)  # a crawl has few kinds of them
def _extract(*values: str) -> tuple[str, str]:
    essence = charset = ""
    for value in _VALUE.findall(",".join(values)):
        found, own_charset = parse_type(value)
        if not found or found == "*/*":
            continue
        if found != essence:
            essence, charset = found, own_charset
        elif own_charset:
            charset = own_charset
    if not essence and values:  # "text/html charset=utf-8": no type by the standard, but plain
        any_type = _ANY_TYPE.search(values[-1])
        any_charset = _ANY_CHARSET.search(values[-1])
        essence = any_type.group().lower() if any_type else ""
        charset = any_charset.group(1) if any_charset else ""
    return ("" if essence == "*/*" else essence), charset


def parse_type(value: str) -> tuple[str, str]:
    """The type and the charset of one value; the first charset counts, without its quotes."""
    match = _TYPE.match(value)
    if match is None:
        return "", ""
    charset = ""
    for name, text in _PARAMETER.findall(value[match.end() :]):
        if name.lower() == "charset" and not charset:
            charset = re.sub(r"\\(.)", r"\1", text).strip("\"' \t\r\n")
    return match.group(1).lower(), charset
