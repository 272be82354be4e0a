"""A page's main text by trafilatura, with the settings FineWeb uses.

trafilatura's `deduplicate` remembers segments of all pages that a process has seen, so the text of
a page would depend on the pages before it and on the number of workers. Here each page gets a
memory of its own: segments that repeat inside the page are dropped, and its text depends on the
page alone. The library is loaded by the first page that needs it; few files of a crawl have one.
"""

import re

from pipeline.extract.config import ExtractConfig

# libxml2 refuses decoded text that declares an encoding.
DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,500}\?>")


def main_text(html: str, url: str | None, config: ExtractConfig) -> str:
    """The main text of a decoded page, "" if there is none."""
    import trafilatura
    from trafilatura.deduplication import LRUCache
    from trafilatura.settings import LRU_SIZE

    text = trafilatura.extract(
        DECLARATION.sub("", html.replace("\0", "")),
        url=url,
        favor_precision=config.favor_precision,
        include_comments=config.comments,
        deduplicate=LRUCache(maxsize=LRU_SIZE) if config.deduplicate else False,
    )
    return text or ""
