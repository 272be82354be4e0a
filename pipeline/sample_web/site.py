"""From pages to captures: a host, a URL, HTML, bytes in some charset, and the row of ground truth.

Which charset a page has, what it declares and whether its HTML is broken is drawn here; so is the
layout, by the host.
"""

import dataclasses
import random

from pipeline.sample_web.hosts import Host, choose, url_for
from pipeline.sample_web.html import render
from pipeline.sample_web.junk import JUNK, URL_WORDS
from pipeline.sample_web.page_builder import Page
from pipeline.sample_web.text_languages import CHARSETS
from pipeline.sample_web.warc_writer import Capture
from storage.schemas import PII_KINDS

BROKEN_SHARE = 0.06  # of pages have faulty HTML
LEGACY_SHARE = 0.4  # of foreign pages are not UTF-8
DECLARATIONS = (0.6, 0.8)  # legacy pages: declared right, not at all (up to), else wrongly as UTF-8
ARTICLE_TOPICS = {
    "biography": ("biography",),
    "town": ("places",),
    "river": ("places",),
    "chronicle": ("places", "news"),
    "company": ("company",),
    "notes": ("notes",),
    "news": ("news",),
    "travel": ("travel",),
    "questions": ("questions",),
    "homework": ("homework",),
    "story": ("leisure",),
    "recipe": ("leisure",),
    "craft": ("leisure",),
    "mirror": ("mirror",),
    "near_duplicate": ("news", "notes", "mirror"),
}


@dataclasses.dataclass(frozen=True)
class PublishedPage:
    """A page on the web: what the crawler gets, and its row of ground truth."""

    capture: Capture
    truth: dict[str, object]


def publish(
    page: Page,
    number: int,
    hosts: dict[str, list[Host]],
    rng: random.Random,
    legacy: bool = False,
    shape: str = "page",
    duplicate_of: str = "",
    similarity: float | None = None,
) -> PublishedPage:
    """Give a page its address and its bytes; `legacy` for an English page that is not UTF-8."""
    host, url = _address(page, number, hosts, rng)
    charset, header, declared = _charset(page, rng, legacy)
    text = render(page, host, rng, declared, broken=rng.random() < BROKEN_SHARE)
    body = text.encode(charset, "xmlcharrefreplace")
    if shape == "truncated":
        body = body[: body.index(b"<footer") + 12]
    content_type = f"text/html; charset={header}" if header else "text/html"
    capture = Capture(url, body, content_type, shape=shape)
    stage = _stage(page, duplicate_of)
    return PublishedPage(
        capture,
        truth_row(page, url, charset, stage, duplicate_of, similarity),
    )


def unreadable(
    kind: str, page: Page, number: int, hosts: list[Host], rng: random.Random
) -> PublishedPage:
    """A capture without a readable page: not found, an image, broken headers, a revisit."""
    host = choose(hosts, rng)
    url = url_for(host, page.title, number, rng)
    body = render(page, host, rng, "utf-8", broken=False).encode()
    capture = {
        "not_found": Capture(url, body, status="404 Not Found"),
        "image": Capture(url + "&s=1.png", b"\x89PNG\r\n\x1a\n" + body[:400], "image/png"),
        "broken_headers": Capture(url, body, shape="broken_headers"),
        "revisit": Capture(url, b"", shape="revisit"),
    }[kind]
    page = dataclasses.replace(page, kind=kind)
    row = truth_row(page, capture.url, "utf-8", "read", "", None)
    expected = "error" if kind == "broken_headers" else "dropped"
    return PublishedPage(capture, row | {"expected": expected, "main_text": ""})


def truth_row(
    page: Page, url: str, charset: str, stage: str, duplicate_of: str, similarity: float | None
) -> dict[str, object]:
    """A row of TRUTH without the file's name."""
    planted = {f"pii_{kind}s": sum(k == kind for k, _ in page.pii) for kind in PII_KINDS}
    return {
        "url": url,
        "kind": page.kind,
        "language": page.language,
        "charset": charset,
        "expected": "dropped" if stage else "kept",
        "stage": stage,
        "duplicate_of": duplicate_of,
        "similarity": similarity,
        **planted,
        "pii_values": [value for _, value in page.pii],
        "main_text": page.main_text,
    }


def _stage(page: Page, duplicate_of: str) -> str:
    if duplicate_of:
        return "dedup"
    if page.language != "en":
        return "language"
    return JUNK[page.kind][0] if page.kind in JUNK else ""


def _address(
    page: Page, number: int, hosts: dict[str, list[Host]], rng: random.Random
) -> tuple[Host, str]:
    if page.language != "en":
        host = choose(hosts[page.language], rng)
    elif page.kind == "blocked_host":
        host = hosts["blocked"][number % len(hosts["blocked"])]
    elif page.kind in URL_WORDS:
        host = choose(hosts["junk"], rng)
        words = URL_WORDS[page.kind]
        return host, f"https://{host.name}/{words[number % len(words)]}/{number}.html"
    elif page.kind in JUNK:
        host = choose(hosts["junk"], rng)
    else:
        topics = ARTICLE_TOPICS[page.kind]
        host = choose(hosts[rng.choice(topics)], rng)
    return host, url_for(host, page.title, number, rng)


def _charset(page: Page, rng: random.Random, legacy: bool) -> tuple[str, str, str]:
    """The charset of the bytes, what the header declares, what the page itself declares."""
    if page.language == "en":
        charset = "windows-1252" if legacy else "utf-8"
    elif rng.random() < LEGACY_SHARE:
        charset = rng.choice(CHARSETS[page.language])
    else:
        charset = "utf-8"
    if charset == "utf-8":
        return charset, rng.choice(("utf-8", "")), rng.choice(("utf-8", "UTF-8", ""))
    draw = rng.random()
    if draw < DECLARATIONS[0]:
        return charset, *rng.choice(((charset, charset), (charset, ""), ("", charset)))
    if draw < DECLARATIONS[1]:
        return charset, "", ""
    return charset, "utf-8", "utf-8"
