"""Small true WARC files, written by warcio, and English for their pages."""

import io
import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter


def _words(text: str) -> list[str]:
    return text.split()


NOUNS = _words(
    "harbour boat keeper window market river bridge letter winter garden table lamp road village"
    " teacher sailor painter hill church clock bread story island storm song basket horse field"
    " forest corner house uncle cousin doctor station train ticket hat coat stone wall door rope"
    " barrel kitchen cellar attic bell tower paper book page map ship anchor net fish baker mill"
)
VERBS = _words(
    "found carried painted repaired sold watched remembered forgot opened closed followed praised"
    " built moved counted described hid washed kept dropped lent measured mended drew visited"
)
ADJECTIVES = _words(
    "old small quiet red heavy bright broken distant empty famous gentle honest narrow plain rusty"
    " sleepy tall warm wooden yellow young grey cheap clever dusty early foreign golden humble"
)
DATE = "2024-05-18T03:10:00Z"


def html_page(text: str, title: str = "A page") -> bytes:
    """A page with furniture around its main text, one paragraph a line."""
    paragraphs = "".join(f"<p>{line}</p>" for line in text.split("\n"))
    return (
        f"<!doctype html><html><head><title>{title}</title></head><body>"
        f"<nav><ul><li><a href='/'>Home</a></li><li><a href='/about'>About</a></li></ul></nav>"
        f"<main><article><h1>{title}</h1>{paragraphs}</article></main>"
        f"<footer><a href='/privacy'>Privacy</a></footer></body></html>"
    ).encode()


def write_warc(
    path: Path,
    pages: list[dict[str, Any]],
    gzip: bool = True,
    info: dict[str, str] | None = None,
) -> list[int]:
    """Write records; give the offset of each page's record.

    A page: url, body, and if they differ from a good HTML page's: status, mime, headers (HTTP),
    warc_headers, record_type, raw (the whole block instead of status line, headers and body).
    """
    offsets = []
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=gzip)
        if info is not None:
            writer.write_record(writer.create_warcinfo_record(path.name, info))
        for page in pages:
            offsets.append(file.tell())
            record_type = page.get("record_type", "response")
            if "raw" in page or record_type != "response":
                # warcio would parse these as HTTP, which some of them are not
                block = page.get("raw", page["body"])
                fields = {
                    "WARC-Type": record_type,
                    "WARC-Target-URI": page["url"],
                    "WARC-Date": DATE,
                    "Content-Type": "application/http",
                    **page.get("warc_headers", {}),
                    "Content-Length": str(len(block)),
                }
                head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                data = f"WARC/1.1\r\n{head}\r\n".encode() + block + b"\r\n\r\n"
                file.write(zlib.compress(data, wbits=31) if gzip else data)
                continue
            http = StatusAndHeaders(
                page.get("status", "200 OK"),
                [("Content-Type", page.get("mime", "text/html")), *page.get("headers", [])],
                protocol="HTTP/1.1",
            )
            record = writer.create_warc_record(
                page["url"],
                record_type,
                payload=io.BytesIO(page["body"]),
                http_headers=http,
                warc_content_type="application/http; msgtype=response",
                warc_headers_dict={"WARC-Date": DATE, **page.get("warc_headers", {})},
            )
            writer.write_record(record)
    return offsets


def english(seed: str, sentences: int = 14) -> str:
    """Prose that passes every filter, different for each seed, three sentences a line."""
    draw = random.Random(seed)

    def thing() -> str:
        return f"{draw.choice(ADJECTIVES)} {draw.choice(NOUNS)}"

    said = []
    for _ in range(sentences):
        one, two, three, four = (draw.choice(VERBS) for _ in range(4))
        said.append(
            f"The {thing()} {one} a {thing()} of the {thing()}, {two} that {thing()} and {three}"
            f" the {thing()}, which had {four} with the {thing()}."
        )
    lines = [" ".join(said[start : start + 3]) for start in range(0, sentences, 3)]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def prose() -> Callable[..., str]:
    return english


@pytest.fixture(scope="session")
def make_warc() -> Callable[..., list[int]]:
    return write_warc


@pytest.fixture(scope="session")
def make_page() -> Callable[..., bytes]:
    return html_page


@pytest.fixture(scope="session", autouse=True)
def _one_thread_beside_others() -> None:
    """Two processes of tests with two threads each would wait for one another's."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _same_draws_each_run() -> None:
    """A test that draws from torch's global generator draws the same whenever it runs."""
    import torch

    torch.manual_seed(0)
