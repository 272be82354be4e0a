"""Writes captures as WARC/1.1 with warcio, one gzip member a record, the same bytes each time.

warcio would make random record ids and take the clock's date: here both come from the seed. Each
capture is a request and a response; some have metadata; a revisit refers to an earlier capture.
"""

import dataclasses
import datetime
import io
import random
import uuid
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

SOFTWARE = "crawl2chat sample web"
FIRST_SECOND = 1_716_163_200  # 2024-05-20T00:00:00Z: the crawl begins
METADATA_SHARE = 0.2  # of captures


@dataclasses.dataclass(frozen=True)
class Capture:
    """One response as the crawler saw it."""

    url: str
    body: bytes
    content_type: str = "text/html"
    status: str = "200 OK"
    shape: str = "page"  # page, truncated, broken_headers or revisit


class _Writer(WARCWriter):
    def __init__(self, stream: io.BufferedIOBase, rng: random.Random) -> None:
        super().__init__(stream, gzip=True, warc_version="WARC/1.1")
        self._rng = rng
        self.date = ""

    def _make_warc_id(self) -> str:
        return f"<urn:uuid:{uuid.UUID(int=self._rng.getrandbits(128), version=4)}>"

    def curr_warc_date(self) -> str:
        return self.date


def write_warc(path: Path, captures: list[Capture], rng: random.Random, first: int) -> None:
    """One file; `first` is the number of its first capture in the crawl, which sets the dates."""
    with path.open("wb") as stream:
        writer = _Writer(stream, rng)
        writer.date = _date(first)
        info = {"software": SOFTWARE, "format": "WARC File Format 1.1", "isPartOf": "SAMPLE-WEB"}
        writer.write_record(writer.create_warcinfo_record(path.name, info))
        for number, capture in enumerate(captures, start=first):
            writer.date = _date(number)
            _write(writer, capture, rng)


def _write(writer: _Writer, capture: Capture, rng: random.Random) -> None:
    host, _, path = capture.url.partition("://")[2].partition("/")
    request = StatusAndHeaders(
        f"GET /{path} HTTP/1.1",
        [("Host", host), ("User-Agent", "sample-bot/1.0"), ("Accept", "text/html")],
        is_http_request=True,
    )
    writer.write_record(writer.create_warc_record(capture.url, "request", http_headers=request))
    if capture.shape == "revisit":
        headers = StatusAndHeaders("304 Not Modified", [("Server", "nginx")], protocol="HTTP/1.1")
        writer.write_record(
            writer.create_revisit_record(
                capture.url,
                digest="sha1:" + "A" * 32,
                refers_to_uri=capture.url,
                refers_to_date=_date(-400_000),
                http_headers=headers,
            )
        )
        return
    extra = {"WARC-Identified-Payload-Type": capture.content_type.split(";")[0]}
    if capture.shape == "truncated":
        extra["WARC-Truncated"] = "length"
    broken = capture.shape == "broken_headers"
    headers = StatusAndHeaders(
        "" if broken else capture.status,
        [
            ("Content-Type", capture.content_type),
            ("Server", "nginx"),
            ("Content-Length", str(len(capture.body))),
        ],
        protocol="\x01\x02" if broken else "HTTP/1.1",
    )
    record = writer.create_warc_record(
        capture.url,
        "response",
        payload=io.BytesIO(capture.body),
        http_headers=headers,
        warc_headers_dict=extra,
    )
    writer.write_record(record)
    if rng.random() < METADATA_SHARE:
        fetched = f"fetchTimeMs: {rng.randint(20, 900)}\r\n".encode()
        writer.write_record(
            writer.create_warc_record(
                capture.url,
                "metadata",
                payload=io.BytesIO(fetched),
                warc_content_type="application/warc-fields",
            )
        )


def _date(number: int) -> str:
    """A capture every seven seconds."""
    when = datetime.datetime.fromtimestamp(FIRST_SECOND + 7 * number, tz=datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
