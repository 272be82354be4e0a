"""Text records of WET files: the text that Common Crawl has extracted from pages.

A `conversion` record has the page's text in UTF-8, so decoding and extraction are skipped and the
text goes straight to language identification. A record without text raises `NoPage`, like a page
that can't be read. Common Crawl's text includes menus and footers: expect more dropped pages.
"""

from pipeline.crawl.http import NoPage
from pipeline.crawl.mime import extract_type
from pipeline.crawl.warc import Record
from pipeline.decision import dropped

TYPES = ("", "text/plain")


def read_text(record: Record, max_bytes: int) -> str:
    """The text of a conversion record.

    Args:
        record: of type conversion.
        max_bytes: of its content.

    Raises:
        NoPage: it has no text, or too much.
    """
    mime = extract_type(record.headers.get("content-type", ""))[0]
    if mime not in TYPES:
        raise NoPage(dropped("read", "mime", detail=mime[:100]))
    if record.length > max_bytes:
        raise NoPage(dropped("read", "size", record.length, max_bytes))
    text = record.content.decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\0", "").replace("\r\n", "\n")
    if not text.strip():
        raise NoPage(dropped("read", "empty"))
    return text
