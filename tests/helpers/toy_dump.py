"""A whole dump in small, true in every format: WARC and WET files, their lists, the CDX files with
their cluster.idx, and the columnar index as Parquet.
"""

import gzip
import io
import json
import random
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

NAME = "CC-MAIN-2024-22"
OTHERS = ("CC-MAIN-2024-18", "CC-MAIN-2024-10", "CC-MAIN-2008-2009")
DATE = "2024-05-18T01:58:10Z"
LINES_PER_BLOCK = 7  # of the CDX index; Common Crawl has 3,000
INDEX_FILES = 3
STOCK = (
    "the",
    "a",
    "of",
    "and",
    "harbour",
    "boat",
    "keeper",
    "window",
    "market",
    "river",
    "bridge",
)


@dataclass(frozen=True)
class Capture:
    """One page as the index has it."""

    url: str
    language: str
    status: int
    mime: str
    filename: str
    offset: int
    length: int

    @property
    def surt(self) -> str:
        parts = urlsplit(self.url)
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port else ""
        return f"{','.join(reversed(host.split('.')))}{port}){parts.path}"


def words(seed: str, count: int = 160) -> str:
    """Prose of a kind, different for each seed."""
    draw = random.Random(seed)
    return " ".join(draw.choice(STOCK) + draw.choice(("", "s", ".")) for _ in range(count))


def html(url: str) -> bytes:
    return f"<html><body><article><p>{words(url)}</p></article></body></html>".encode()


def warc_file(name: str, urls: list[str], statuses: dict[str, int] | None = None) -> bytes:
    """A WARC as Common Crawl writes them: warcinfo, then request, response, metadata of each page;
    record ids and dates are fixed, so that the bytes are."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    number = iter(range(10**6))

    def write(record_type: str, url: str, block: bytes, content_type: str) -> None:
        headers = {
            "WARC-Date": DATE,
            "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{next(number):012d}>",
        }
        http = None
        if record_type == "response":
            status = (statuses or {}).get(url, 200)
            fields = [("Content-Type", "text/html"), ("Content-Length", str(len(block)))]
            http = StatusAndHeaders(f"{status} OK", fields, protocol="HTTP/1.1")
        record = writer.create_warc_record(
            url,
            record_type,
            payload=io.BytesIO(block),
            http_headers=http,
            warc_content_type=content_type,
            warc_headers_dict=headers,
        )
        writer.write_record(record)

    write("warcinfo", name, f"isPartOf: {NAME}\r\n".encode(), "application/warc-fields")
    for url in urls:
        write("response", url, html(url), "application/http; msgtype=response")
        write("metadata", url, b"fetchTimeMs: 20\r\n", "application/warc-fields")
    return out.getvalue()


def wet_file(name: str, urls: list[str]) -> bytes:
    """The text of the same pages."""
    pieces = [
        _record("warcinfo", name, f"isPartOf: {NAME}\r\n".encode(), "application/warc-fields")
    ]
    pieces += [_record("conversion", url, words(url).encode(), "text/plain") for url in urls]
    return b"".join(zlib.compress(piece, wbits=31) for piece in pieces)


def _record(kind: str, url: str, block: bytes, content_type: str) -> bytes:
    place = "" if kind == "warcinfo" else f"WARC-Target-URI: {url}\r\n"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\n{place}WARC-Date: {DATE}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def response_places(data: bytes) -> dict[str, tuple[int, int]]:
    """Offset and length of each response's member, by URL."""
    from fastwarc.warc import ArchiveIterator

    starts = []
    for record in ArchiveIterator(io.BytesIO(data), parse_http=False):
        kind, url = record.headers["WARC-Type"], record.headers.get("WARC-Target-URI") or ""
        starts.append((record.stream_pos, kind, url))
    ends = [start for start, _, _ in starts[1:]] + [len(data)]
    return {
        url: (start, end - start)
        for (start, kind, url), end in zip(starts, ends)
        if kind == "response"
    }


def toy_dump(pages: dict[str, str], warcs: int = 4, not_found: tuple[str, ...] = ()) -> Any:
    """Files by path, and captures: `pages` maps URLs to languages."""
    files: dict[str, bytes] = {}
    captures: list[Capture] = []
    urls = list(pages)
    lists: dict[str, list[str]] = {"warc": [], "wet": []}
    for number in range(warcs):
        mine = urls[number::warcs]
        folder = f"crawl-data/{NAME}/segments/1715971057216.39"
        stem = f"CC-MAIN-20240517233122-20240518023122-{number:05d}"
        path = f"{folder}/warc/{stem}.warc.gz"
        statuses = dict.fromkeys(not_found, 404)
        files[path] = warc_file(f"{stem}.warc.gz", mine, statuses)
        lists["warc"].append(path)
        wet = f"{folder}/wet/{stem}.warc.wet.gz"
        files[wet] = wet_file(f"{stem}.warc.wet.gz", mine)
        lists["wet"].append(wet)
        for url, (offset, length) in response_places(files[path]).items():
            status = statuses.get(url, 200)
            captures.append(Capture(url, pages[url], status, "text/html", path, offset, length))
    captures.sort(key=lambda c: (c.surt, c.url))
    for kind, listed in lists.items():
        files[f"crawl-data/{NAME}/{kind}.paths.gz"] = _listing(listed)
    files |= cdx_files(captures)
    columnar = columnar_files(captures)
    files |= columnar
    robots = f"cc-index/table/cc-main/warc/crawl={NAME}/subset=robotstxt/part-0.parquet"
    names = [robots, *columnar]
    files[f"crawl-data/{NAME}/cc-index-table.paths.gz"] = _listing(names)
    files["collinfo.json"] = json.dumps(
        [
            {
                "id": name,
                "name": f"{name} Index",
                "from": "2024-05-18T00:00:00",
                "to": "2024-05-31T00:00:00",
                "cdx-api": "",
            }
            for name in (*OTHERS, NAME)
        ]
    ).encode()
    return files, captures


def cdx_files(captures: list[Capture]) -> dict[str, bytes]:
    """cdx-0000N.gz of blocks, and the index of the blocks."""
    folder = f"cc-index/collections/{NAME}/indexes"
    lines = []
    for capture in captures:
        entry = {
            "url": capture.url,
            "mime": capture.mime,
            "mime-detected": capture.mime,
            "status": str(capture.status),
            "digest": "A" * 32,
            "length": str(capture.length),
            "offset": str(capture.offset),
            "filename": capture.filename,
            "languages": capture.language,
        }
        lines.append((f"{capture.surt} 20240518015810", json.dumps(entry)))
    files: dict[str, bytes] = {}
    cluster: list[str] = []
    half = (len(lines) + 1) // 2
    for number, share in enumerate((lines[:half], lines[half:])):
        data = b""
        for start in range(0, len(share), LINES_PER_BLOCK):
            block = share[start : start + LINES_PER_BLOCK]
            packed = gzip.compress(
                "".join(f"{key} {value}\n" for key, value in block).encode(), mtime=0
            )
            name = f"cdx-{number:05d}.gz"
            line = f"{block[0][0]}\t{name}\t{len(data)}\t{len(packed)}\t{len(cluster) + 1}"
            cluster.append(line)
            data += packed
        files[f"{folder}/cdx-{number:05d}.gz"] = data
    files[f"{folder}/cluster.idx"] = ("\n".join(cluster) + "\n").encode()
    return files


def columnar_files(captures: list[Capture], languages: bool = True) -> dict[str, bytes]:
    """Parquet files with several row groups each, sorted by SURT."""
    folder = f"cc-index/table/cc-main/warc/crawl={NAME}/subset=warc"
    rows = [
        {
            "url_surtkey": c.surt,
            "url": c.url,
            "url_host_name": urlsplit(c.url).hostname,
            "fetch_status": c.status,
            "content_mime_type": c.mime,
            "content_mime_detected": c.mime,
            "content_languages": c.language,
            "warc_filename": c.filename,
            "warc_record_offset": c.offset,
            "warc_record_length": c.length,
            "warc_segment": "1715971057216.39",
        }
        for c in captures
    ]
    schema = pa.schema(
        [
            ("url_surtkey", pa.string()),
            ("url", pa.string()),
            ("url_host_name", pa.string()),
            ("fetch_status", pa.int16()),
            ("content_mime_type", pa.string()),
            ("content_mime_detected", pa.string()),
            *([("content_languages", pa.string())] if languages else []),
            ("warc_filename", pa.string()),
            ("warc_record_offset", pa.int32()),
            ("warc_record_length", pa.int32()),
            ("warc_segment", pa.string()),
        ]
    )
    step = max(1, -(-len(rows) // INDEX_FILES))
    files = {}
    for number in range(INDEX_FILES):
        share = rows[number * step : (number + 1) * step]
        out = io.BytesIO()
        table = pa.Table.from_pylist(share, schema=schema)
        pq.write_table(table, out, row_group_size=10, compression="gzip")
        files[f"{folder}/part-{number:05d}-4dd72944.c000.gz.parquet"] = out.getvalue()
    return files


def _listing(paths: list[str]) -> bytes:
    return gzip.compress(("\n".join(paths) + "\n").encode(), mtime=0)
