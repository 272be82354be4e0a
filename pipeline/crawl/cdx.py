"""Pages of some hosts, from a dump's sorted CDX files or from the API in front of them.

cluster.idx names every 3,000th line of the index, sorted by reversed host: a binary search with a
dozen small range requests finds where a host begins, and only the compressed blocks with its lines
are fetched. The API (download.index=api) gives the same lines; it is one busy server for the whole
world, so it is not the default.
"""

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pipeline.crawl.client import Client
from pipeline.crawl.dumps import Dump
from pipeline.crawl.range_file import RangeFile
from pipeline.crawl.selection import PageSelection, capture_fits, compiled, surt_host
from pipeline.crawl.source import base_url, index_url, join
from pipeline.crawl.transport import Missing, TransferError
from pipeline.inflate import InflatedTooLarge, gunzip
from storage.errors import UserError

PROBE_BYTES = 8 * 1024  # holds dozens of lines of cluster.idx
SCAN_BYTES = 256 * 1024
MAX_BLOCK_BYTES = 64 << 20  # of the index, unpacked: its 3,000 lines take about 1 MB

Row = tuple[str, int, int, str]


def from_files(client: Client, dump: Dump, chosen: PageSelection) -> Iterator[Row]:
    """The captures of the chosen hosts, host by host, from the CDX files.

    Raises:
        UserError: the mirror has no CDX index of the dump.
    """
    base = base_url(client.config)
    folder = join(base, f"cc-index/collections/{dump.name}/indexes", client.config)
    try:
        cluster = RangeFile(client, f"{folder}/cluster.idx")
    except Missing as error:
        raise UserError(f"input {dump.name}: {base_url(client.config)} has no CDX index") from error
    pattern = compiled(chosen.match)
    for host in chosen.hosts:
        ranges = key_ranges(host)
        places = dict.fromkeys(block for span in ranges for block in blocks(cluster, *span))
        for name, offset, length in places:
            for key, entry in _lines(client, f"{folder}/{name}", offset, length):
                inside = any(first <= key < beyond for first, beyond in ranges)
                if inside and capture_fits(entry, chosen, pattern):
                    yield row(entry)


def from_api(client: Client, dump: Dump, chosen: PageSelection) -> Iterator[Row]:
    """The same from the CDX server's API."""
    # The list of dumps names its own API, perhaps on another host.
    api = join(index_url(client.config), dump.api or f"{dump.name}-index", client.config)
    pattern = compiled(chosen.match)
    for host in chosen.hosts:
        asked = quote(host if host.startswith("*.") else f"{host}/*", safe="")
        query = f"{api}?url={asked}&output=json"
        try:
            counted = json.loads(client.read(f"{query}&showNumPages=true"))
            pages = int(counted["pages"] if isinstance(counted, dict) else counted)
            for page in range(pages):
                # Lines end at line ends alone: U+2028 or U+0085 inside a string are data.
                for line in client.read(f"{query}&page={page}").splitlines():
                    entry = json.loads(line)
                    if "filename" in entry and capture_fits(entry, chosen, pattern):
                        yield row(entry)
        except Missing:  # the server's answer for a host of which it has no page
            continue
        except (ValueError, KeyError, TypeError) as error:
            raise TransferError(f"{api}: no answer of a CDX server ({error})") from error


def key_range(host: str) -> tuple[bytes, bytes]:
    """The first key of a host's pages, and the first key after them."""
    key = surt_host(host).encode()
    # `)` ends the host, `,` begins a subdomain; no other key sorts in between
    return key + b")", key + (b"-" if host.startswith("*.") else b"*")


def key_ranges(host: str) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """All ranges of a host's keys, those with a port after the host's name included."""
    key = surt_host(host).encode()
    return key_range(host), (key + b":", key + b";")


def blocks(cluster: RangeFile, first: bytes, beyond: bytes) -> Iterator[tuple[str, int, int]]:
    """File, offset and length of the index's blocks that may contain keys of the range."""
    position = last_line_before(cluster, first)
    rest = b""
    while position < cluster.size:
        data = cluster.read_at(position, SCAN_BYTES)
        position += len(data)
        *lines, rest = (rest + data).split(b"\n")
        if position >= cluster.size:
            lines.append(rest)
        for line in filter(None, lines):
            fields = line.split(b"\t")
            if len(fields) < 4 or not (fields[2].isdigit() and fields[3].isdigit()):
                raise TransferError(f"{cluster.url}: no line of a cluster index: {line[:80]!r}")
            if line >= beyond:
                return
            yield fields[1].decode(), int(fields[2]), int(fields[3])


def last_line_before(cluster: RangeFile, key: bytes) -> int:
    """The position of the last line that sorts before `key`: its block may have the key; else 0."""
    low, high = 0, cluster.size  # the answer begins in [low, high)
    while high - low > PROBE_BYTES:
        middle = (low + high) // 2
        begins, line = _line_after(cluster, middle)
        if begins >= high or line >= key:
            high = middle
        else:
            low = begins
    data = cluster.read_at(low, high - low + PROBE_BYTES)
    answer = position = 0
    for line in data.split(b"\n"):
        if low + position < cluster.size and line and line < key:
            answer = position
        elif line:
            break
        position += len(line) + 1
    return low + answer


def _line_after(cluster: RangeFile, position: int) -> tuple[int, bytes]:
    """The first whole line that begins after `position`, with its own position first."""
    data = b""
    start = position
    while True:
        more = cluster.read_at(start, PROBE_BYTES)
        data, start = data + more, start + len(more)
        begin = data.find(b"\n") + 1
        end = data.find(b"\n", begin)
        if begin and (end >= 0 or not more):
            return position + begin, data[begin:end] if end >= 0 else data[begin:]
        if not more:
            return cluster.size, b""


def _lines(
    client: Client, url: str, offset: int, length: int
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Key and entry of the lines of one compressed block."""

    def attempt() -> bytes:
        data = client.read_once(url, offset, offset + length)[0]
        try:
            return gunzip(data, MAX_BLOCK_BYTES)
        except (InflatedTooLarge, EOFError, zlib.error) as error:
            raise TransferError(f"{url}: no gzip block at byte {offset:,}: {error}") from error

    for line in client.retry(attempt).splitlines():
        match = re.match(rb"(\S+) (\d+) (\{.*\})\s*$", line)
        if match is None:
            raise TransferError(f"{url}: no line of a CDX index: {line[:80]!r}")
        yield match.group(1), json.loads(match.group(3))


def row(entry: dict[str, Any]) -> Row:
    """An entry of the index as a row: file, offset, length and address of a capture."""
    return entry["filename"], int(entry["offset"]), int(entry["length"]), entry["url"]
