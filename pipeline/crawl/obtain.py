"""What an input names, as a list of files to have on this disk, and how each is had.

In: a dump (with how many files, or which pages), or the address of one file. Out: `Remote`s in a
fixed order, each a small JSON-ready value, so that a task can be declared for each and retried by
itself. The captures of a selection are kept in the cache: finding them is the dearest step.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow.parquet as pq

from pipeline.crawl import cdx, columnar
from pipeline.crawl.cache import Cache, Stored
from pipeline.crawl.client import Client
from pipeline.crawl.download import Tell, download
from pipeline.crawl.dumps import Dump, paths
from pipeline.crawl.pages import gather
from pipeline.crawl.selection import CAPTURES, Selection, table
from pipeline.crawl.source import DownloadConfig, base_url, cache_folder, join, place_of
from storage import durable
from storage.errors import UserError
from storage.tables import write_table


@dataclasses.dataclass(frozen=True)
class Remote:
    """One file to be had: a whole one by its address, or rows of a selection's captures."""

    name: str  # the file's own, which documents' ids carry
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
    """The first files of a dump; all with 0. More of them later begin with the same ones."""
    listed = paths(client, dump, kind)
    chosen = listed[:count] if count else listed
    return [remote(join(base_url(client.config), path, client.config)) for path in chosen]


def selected_pages(
    client: Client,
    cache: Cache,
    dump: Dump,
    chosen: Selection,
    tell: columnar.Tell = lambda done, total, found: None,
) -> list[Remote]:
    """Files that hold the pages of a selection and nothing else."""
    index = index_of(client.config, chosen)
    # A mirror's pages are the dump's: they bear the same names, but lie apart.
    digest = chosen.digest(dump.name, index)
    folder = place_of(f"{base_url(client.config)}/selections")
    place = f"{folder}/{dump.name}-{digest}.parquet"
    path = cache.path(place)
    if not path.exists():
        rows = _find(client, dump, chosen, index, tell)
        limited = list(itertools.islice(rows, chosen.pages or None))
        if not limited:
            raise UserError(f"input {dump.name}: no page in it fits the selection")
        part = cache.part(place)
        part.parent.mkdir(parents=True, exist_ok=True)
        with cache.alone(place), durable.full_disk_is_clear(cache.folder):
            write_table(table(limited), part)
            part.replace(path)
            durable.sync_folder(path.parent)
    rows_there = pq.read_metadata(path).num_rows
    step = client.config.pages_per_file
    remotes = []
    for number, start in enumerate(range(0, rows_there, step)):
        name = f"{dump.name}-{digest}-{number:05d}.warc.gz"
        stop = min(start + step, rows_there)
        there = f"{folder}/{step}/{name}"
        remotes.append(Remote(name, there, captures=place, start=start, stop=stop))
    return remotes


def index_of(config: DownloadConfig, chosen: Selection) -> str:
    """Which index answers a selection."""
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
    """Have the file in the cache."""
    if file.url:
        return download(client, cache, file.url, tell)
    captures = pq.read_table(cache.path(file.captures), schema=CAPTURES)
    rows = captures.slice(file.start, file.stop - file.start)
    return gather(client, cache, rows, file.place, tell)


def _find(
    client: Client, dump: Dump, chosen: Selection, index: str, tell: Callable[..., Any]
) -> Iterator[cdx.Row]:
    if index == "columnar":
        yield from columnar.from_index(client, dump, chosen, tell)
        return
    source = cdx.from_files if index == "cdx" else cdx.from_api
    for seen, found in enumerate(source(client, dump, chosen), 1):
        tell(seen, chosen.pages, seen)
        yield found
