"""The files that an input names, and how each is brought to this disk.

In: a dump (with a number of files, or a selection of pages), or the address of one file. Out:
`Remote`s in a fixed order, each a small JSON-ready value, so that a task can be declared for each
and retried by itself. The captures of a selection are kept in the cache: finding them is the most
expensive step.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.crawl import cdx, columnar
from pipeline.crawl.client import Client
from pipeline.crawl.download import Tell, download
from pipeline.crawl.dumps import Dump, paths
from pipeline.crawl.file_cache import Cache, Stored
from pipeline.crawl.selection import CAPTURES, PageSelection, table
from pipeline.crawl.single_records import gather
from pipeline.crawl.source import DownloadConfig, base_url, cache_folder, join, place_of
from storage import durable
from storage.errors import UserError
from storage.tables import write_table


@dataclasses.dataclass(frozen=True)
class Remote:
    """A file to obtain: a whole one by its address, or rows of a selection's captures."""

    name: str  # the file's own, which is part of documents' ids
    place: str  # in the cache
    url: str = ""
    captures: str = ""  # place of the captures in the cache
    start: int = 0  # first of the rows
    stop: int = 0


def cache_of(config: DownloadConfig) -> Cache:
    """The cache that a run uses."""
    return Cache(cache_folder(config), config.max_cache_bytes)


def remote(url: str) -> Remote:
    """One file by its address."""
    place = place_of(url)
    return Remote(place.rpartition("/")[2], place, url)


def whole_files(client: Client, dump: Dump, kind: str, count: int) -> list[Remote]:
    """The first `count` files of a dump, 0 = all; a larger count begins with the same files."""
    listed = paths(client, dump, kind)
    chosen = listed[:count] if count else listed
    return [remote(join(base_url(client.config), path, client.config)) for path in chosen]


def selected_pages(
    client: Client,
    cache: Cache,
    dump: Dump,
    chosen: PageSelection,
    tell: columnar.Tell = lambda done, total, found: None,
) -> list[Remote]:
    """Files with exactly the pages of a selection; the captures are found first.

    Raises:
        UserError: no page fits the selection.
    """
    index = index_of(client.config, chosen)
    # A mirror's pages have the same names as the dump's own, but another folder.
    digest = chosen.digest(dump.name, index)
    folder = place_of(f"{base_url(client.config)}/selections")
    place = f"{folder}/{dump.name}-{digest}.parquet"
    path = cache.path(place)
    if not _is_readable(path):
        rows = _find(client, dump, chosen, index, tell)
        limited = list(itertools.islice(rows, chosen.pages or None))
        if not limited:
            raise UserError(f"input {dump.name}: no page in it fits the selection")
        part = cache.part(place)
        with cache.alone(place), durable.full_disk_is_clear(cache.folder):
            write_table(table(limited), part)
            durable.publish(part, path)
    rows_there = pq.read_metadata(path).num_rows
    step = client.config.pages_per_file
    remotes = []
    for number, start in enumerate(range(0, rows_there, step)):
        name = f"{dump.name}-{digest}-{number:05d}.warc.gz"
        stop = min(start + step, rows_there)
        target = f"{folder}/{step}/{name}"
        remotes.append(Remote(name, target, captures=place, start=start, stop=stop))
    return remotes


def _is_readable(captures: Path) -> bool:
    """Whether the captures are there and not damaged by a power cut."""
    try:
        pq.read_metadata(captures)
    except (OSError, pa.ArrowInvalid):
        return False
    return True


def index_of(config: DownloadConfig, chosen: PageSelection) -> str:
    """The index that a selection is looked up in: cdx, api or columnar."""
    if config.index == "auto":
        return "cdx" if chosen.hosts else "columnar"
    if config.index != "columnar" and not chosen.hosts:
        raise UserError(
            f"download.index={config.index} finds pages by hosts: give some, or columnar"
        )
    return config.index


def obtain(
    client: Client, cache: Cache, file: Remote, tell: Tell = lambda done, total: None
) -> Stored:
    """Bring the file into the cache."""
    if file.url:
        return download(client, cache, file.url, tell)
    captures = pq.read_table(cache.path(file.captures), schema=CAPTURES)
    rows = captures.slice(file.start, file.stop - file.start)
    return gather(client, cache, rows, file.place, tell)


def _find(
    client: Client, dump: Dump, chosen: PageSelection, index: str, tell: Callable[..., Any]
) -> Iterator[cdx.Row]:
    if index == "columnar":
        yield from columnar.from_index(client, dump, chosen, tell)
        return
    source = cdx.from_files if index == "cdx" else cdx.from_api
    for seen, found in enumerate(source(client, dump, chosen), 1):
        tell(seen, chosen.pages, seen)
        yield found
