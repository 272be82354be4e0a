"""The charset that a page declares: the HTML standard's prescan, continued through the page's head.

The standard (html.spec.whatwg.org, "prescan a byte stream to determine its encoding") searches the
first 1,024 raw bytes; a later `<meta>` counts as well, unless it is inside a script, a style or a
comment. An XML declaration counts last.
"""

import re

from pipeline.extract.charsets import encoding_of

PRESCAN_BYTES = 1024  # by the standard
HEAD_BYTES = 64 * 1024  # scripts and styles before the declaration can be long

_SPACE = rb"\t\n\f\r "
# A comment, a <meta>, another tag by its name, or what begins with <! </ <?
_MARKUP = re.compile(
    rb"<(?:!--(?P<comment>)|meta(?P<meta>)[" + _SPACE + rb"/]|/?(?P<tag>[a-z][^\t\n\f\r />]*)"
    rb"|[!/?](?P<other>))",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    rb"[" + _SPACE + rb"/]*(?P<name>[^" + _SPACE + rb"/>][^" + _SPACE + rb"/>=]*)"
    rb"(?:[" + _SPACE + rb"]*=[" + _SPACE + rb"]*"
    rb"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    rb"|(?P<bare>[^" + _SPACE + rb">\"'][^" + _SPACE + rb">]*)|(?P<open>[\"'])|))?"
)
_IN_CONTENT = re.compile(
    rb"charset[" + _SPACE + rb"]*=[" + _SPACE + rb"]*"
    rb"(?:\"([^\"]*)\"|'([^']*)'|([^" + _SPACE + rb";\"'][^" + _SPACE + rb";]*))",
    re.IGNORECASE,
)
_XML = re.compile(
    rb"<\?xml[^>]*?encoding[\x00-\x20]*=[\x00-\x20]*(?:\"([^\">]*)\"|'([^'>]*)')", re.IGNORECASE
)
_RAW = (b"script", b"style", b"title", b"textarea", b"noscript", b"iframe", b"xmp", b"noframes")


def declared_charset(html: bytes) -> str:
    """The standard's name of the declared charset; "" if there is none or it is not known."""
    found = _prescan(html[:PRESCAN_BYTES], raw_text=False)
    if not found and len(html) > PRESCAN_BYTES:
        found = _prescan(html[:HEAD_BYTES], raw_text=True)
    if not found and (match := _XML.match(html[:PRESCAN_BYTES].removeprefix(b"\xef\xbb\xbf"))):
        found = _named(match.group(1) or match.group(2) or b"")
    return found


def _prescan(data: bytes, raw_text: bool) -> str:
    """The first valid declaration; with `raw_text` not inside scripts and the like."""
    position = 0
    while match := _MARKUP.search(data, position):
        if match["comment"] is not None:
            # <!--> and <!---> are whole comments
            position = data.find(b"-->", match.start() + 2) + 3
            if position < 3:
                return ""
        elif match["other"] is not None:
            position = data.find(b">", match.end()) + 1
            if not position:
                return ""
        else:
            attributes, position = _attributes(data, match.end())
            if match["meta"] is not None:
                if found := _of_meta(attributes):
                    return found
            elif (
                raw_text and (tag := match["tag"].lower()) in _RAW and data[match.start() + 1] != 47
            ):
                end = re.compile(rb"</" + tag, re.IGNORECASE).search(data, position)
                if end is None:
                    return ""
                position = end.start()
    return ""


def _attributes(data: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """A tag's attributes, the first of each name, and the position after the tag."""
    found: dict[bytes, bytes] = {}
    while match := _ATTRIBUTE.match(data, position):
        position = match.end()
        if match["open"] is not None:  # a quote that nothing ends
            return {}, len(data)
        value = match["double"] or match["single"] or match["bare"] or b""
        found.setdefault(match["name"].lower(), value)
    return found, position


def _of_meta(attributes: dict[bytes, bytes]) -> str:
    if b"charset" in attributes:
        return _named(attributes[b"charset"])
    if attributes.get(b"http-equiv", b"").strip().lower() != b"content-type":
        return ""
    match = _IN_CONTENT.search(attributes.get(b"content", b""))
    return _named(next(filter(None, match.groups()), b"")) if match else ""


def _named(label: bytes) -> str:
    """The charset of a label; a page that could be read as ASCII so far is not UTF-16."""
    name = encoding_of(label.decode("latin-1"))
    return "utf-8" if name.startswith("utf-16") else name
