"""Which crawl a file belongs to, as CC-MAIN-2024-22: from its name, else from its warcinfo."""

import re

DUMP_IN_NAME = re.compile(r"[A-Za-z]+-MAIN-\d{4}-\d{2}(?=-)")
DUMP_IN_INFO = re.compile(rb"(?im)^isPartOf:[ \t]*(\S{1,100})")


def dump_name(file_name: str) -> str:
    """The crawl's name if the file's name holds it; else ""."""
    match = DUMP_IN_NAME.match(file_name)
    return match.group() if match else ""


def dump_in_info(content: bytes) -> str:
    """The crawl's name in a warcinfo record (Common Crawl's isPartOf), else ""."""
    match = DUMP_IN_INFO.search(content)
    return match.group(1).decode("utf-8", "replace") if match else ""
