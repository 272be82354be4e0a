"""Single records of a dump, fetched by byte range and written as one `.warc.gz`.

In Common Crawl a record is a gzip member of its own, so its bytes are a valid `.warc.gz`, and so
are many one after another: nothing is decompressed or compressed again. Neighbours are fetched
together. Records are in the order of their positions in the dump, which makes the file's bytes
reproducible and lets a killed download continue after the last complete member.
"""

import dataclasses
import hashlib
import mmap
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from pipeline.crawl.client import Client
from pipeline.crawl.download import Tell
from pipeline.crawl.file_cache import Cache, Stored
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.members import first_bytes, members
from pipeline.crawl.records import RECORD_START
from pipeline.crawl.source import base_url, join
from pipeline.crawl.transport import Missing, TransferError
from pipeline.crawl.verify import count_members
from storage import durable
from storage.digest import file_sha256

MAX_GAP_BYTES = 32 * 1024  # between two records that are fetched in one request
MAX_REQUEST_BYTES = 8 << 20
MAX_RECORD_BYTES = 256 << 20  # an index that names more is wrong


@dataclasses.dataclass(frozen=True)
class Request:
    """Neighbouring records: one byte range of one file."""

    filename: str
    start: int
    stop: int
    places: tuple[tuple[int, int], ...]  # offset and length of each record


def requests_of(captures: pa.Table) -> list[Request]:
    """The byte ranges to request, in order."""
    found: list[Request] = []
    columns = (captures[name].to_pylist() for name in ("filename", "offset", "length"))
    for filename, offset, length in zip(*columns):
        if not 0 < length <= MAX_RECORD_BYTES or offset < 0:
            raise TransferError(f"{filename}: the index names {length} bytes at {offset}")
        last = found[-1] if found else None
        if (
            last is not None
            and last.filename == filename
            and 0 <= offset - last.stop <= MAX_GAP_BYTES
            and offset + length - last.start <= MAX_REQUEST_BYTES
        ):
            places = (*last.places, (offset, length))
            found[-1] = dataclasses.replace(last, stop=offset + length, places=places)
        else:
            found.append(Request(filename, offset, offset + length, ((offset, length),)))
    return found


def gather(
    client: Client,
    cache: Cache,
    captures: pa.Table,
    place: str,
    tell: Tell = lambda done, total: None,
) -> Stored:
    """Bring the records into the cache as the file `place`; no request if they are there."""

    def bring() -> Stored:
        part = cache.part(place)
        cache.make_room(sum(captures["length"].to_pylist()))
        done = cut_to_whole_members(part)
        _append(client, captures.slice(done), part, tell, done, len(captures))
        digest = hashlib.sha256(repr(captures.to_pydict()).encode()).hexdigest()
        size, sha256 = part.stat().st_size, file_sha256(part)
        stored = Stored(f"captures:{digest[:16]}", size, sha256, "")
        cache.store(place, stored)
        return stored

    return cache.once(place, bring)


def cut_to_whole_members(part: Path) -> int:
    """Cut off a member that a kill left unfinished; returns how many records are complete."""
    if not part.is_file() or not part.stat().st_size:
        return 0
    count = end = 0
    with part.open("r+b") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for member in members(data, RECORD_START, LimitsConfig().max_member_bytes):
                if member.problem:
                    break
                count, end = count + 1, member.end
        file.truncate(end)
    return count


def _append(
    client: Client, captures: pa.Table, part: Path, tell: Tell, done: int, total: int
) -> None:
    with durable.appended(part) as append:
        for records in _fetched(client, requests_of(captures)):
            for record in records:
                append(record)
                done += 1
            tell(done, total)


def _fetched(client: Client, requests: list[Request]) -> Iterator[list[bytes]]:
    """The records of each request, in order, with several requests at once."""
    window: deque[Future[list[bytes]]] = deque()
    with ThreadPoolExecutor(client.config.connections) as pool:
        try:
            for request in requests:
                window.append(pool.submit(_records, client, request))
                if len(window) > 2 * client.config.connections:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            for future in window:
                future.cancel()


def _records(client: Client, request: Request) -> list[bytes]:
    url = join(base_url(client.config), request.filename, client.config)

    def attempt() -> list[bytes]:
        data = client.read_once(url, request.start, request.stop)[0]
        found = []
        for offset, length in request.places:
            start = offset - request.start
            record = data[start : start + length]
            begins_well = RECORD_START.match(first_bytes(record, 0, 128))
            if not begins_well or count_members(record) != 1:
                raise TransferError(f"{url}: no record in {length:,} bytes at {offset:,}")
            found.append(record)
        return found

    try:
        return client.retry(attempt)
    except Missing as error:
        raise TransferError(f"{error}, though the index names it") from error
