"""Pages of a dump by language, host or address, from the columnar index: 300 Parquet files.

Only the columns that decide are read, by byte ranges, and nothing of a row group that can't have a
page of the chosen hosts. The files are sorted by host, so the first pages found would be of a few
hosts. Therefore files and row groups are read in the order of a hash of their names, which makes a
limited selection a sample of the whole dump, the same each time.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.crawl.cdx import Row, key_ranges
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import Dump, paths
from pipeline.crawl.range_file import RangeFile
from pipeline.crawl.selection import HTML, PageSelection, expression, host_fits
from pipeline.crawl.source import base_url, join
from pipeline.crawl.transport import TransferError
from storage.errors import UserError

PLACE = ("warc_filename", "warc_record_offset", "warc_record_length", "url")
NEEDED = ("url_surtkey", "url_host_name", "fetch_status", "content_mime_detected", *PLACE)
LANGUAGES = "content_languages"  # since CC-MAIN-2018-39

Tell = Callable[[int, int, int], None]  # files done, of how many, pages found


def from_index(
    client: Client, dump: Dump, chosen: PageSelection, tell: Tell = lambda done, total, found: None
) -> Iterator[Row]:
    """The captures that fit the selection, file by file.

    Args:
        client: fetches the index.
        dump: whose index.
        chosen: which pages.
        tell: called with the progress.

    Raises:
        UserError: the mirror has no columnar index of the dump, or it lacks a column.
    """
    names = [name for name in paths(client, dump, "index") if "subset=warc/" in name]
    if not names:
        raise UserError(f"input {dump.name}: {base_url(client.config)} has no columnar index of it")
    names.sort(key=_shuffled)
    found = 0
    # The next file is read while one is used; order stays that of the names.
    ahead = client.config.connections
    with ThreadPoolExecutor(ahead) as pool:
        waiting = {
            n: pool.submit(_rows, client, names[n], chosen) for n in range(ahead)[: len(names)]
        }
        for number in range(len(names)):
            rows = waiting.pop(number).result()
            following = number + ahead
            if following < len(names) and not (chosen.pages and found + len(rows) >= chosen.pages):
                waiting[following] = pool.submit(_rows, client, names[following], chosen)
            yield from rows
            found += len(rows)
            tell(number + 1, len(names), found)
            if chosen.pages and found >= chosen.pages:
                for future in waiting.values():
                    future.cancel()
                return


def _rows(client: Client, name: str, chosen: PageSelection) -> list[Row]:
    """The captures of one file, at most `chosen.pages`."""
    url = join(base_url(client.config), name, client.config)
    source = RangeFile(client, url)
    try:
        file = pq.ParquetFile(pa.PythonFile(source, mode="r"), pre_buffer=True)
    except pa.ArrowInvalid as error:
        raise TransferError(f"{url}: no Parquet file: {error}") from error
    _check_columns(url, file.schema_arrow.names, chosen)
    groups = sorted(range(file.num_row_groups), key=lambda group: _shuffled(f"{name}#{group}"))
    rows: list[Row] = []
    for group in groups:
        if chosen.pages and len(rows) >= chosen.pages:
            break
        if _is_candidate(file.metadata.row_group(group), chosen):
            rows += _of_group(file, group, chosen)
    return rows[: chosen.pages] if chosen.pages else rows


def _of_group(file: Any, group: int, chosen: PageSelection) -> list[Row]:
    """The captures of one row group; the columns that decide are read first."""
    first = ["fetch_status", "content_mime_detected"]
    if chosen.language:
        first.append(LANGUAGES)
    if chosen.hosts:
        first.append("url_host_name")
    if chosen.files:
        first.append("warc_filename")
    table = file.read_row_group(group, columns=first)
    mask = pc.and_(
        pc.equal(table["fetch_status"], 200),
        pc.is_in(table["content_mime_detected"], pa.array(HTML)),
    )
    if chosen.language:
        mask = pc.and_(mask, pc.match_substring_regex(table[LANGUAGES], f"^{chosen.language}(,|$)"))
    if chosen.files:
        mask = pc.and_(mask, pc.is_in(table["warc_filename"], pa.array(chosen.files)))
    if chosen.hosts:
        names = table["url_host_name"].combine_chunks().dictionary_encode()
        fits = pa.array([host_fits(n or "", chosen.hosts) for n in names.dictionary.to_pylist()])
        mask = pc.and_(mask, fits.take(names.indices))
    wanted = np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
    if not len(wanted):
        return []
    places = file.read_row_group(group, columns=list(PLACE)).take(pa.array(wanted))
    if chosen.match:
        try:
            places = places.filter(
                pc.match_substring_regex(places["url"], expression(chosen.match))
            )
        except pa.ArrowInvalid as error:
            raise UserError(f"match {chosen.match!r}: {error}") from error
    return list(zip(*(places[column].to_pylist() for column in PLACE)))


def _is_candidate(group: Any, chosen: PageSelection) -> bool:
    """Whether a chosen host can be between the row group's smallest and largest key."""
    if not chosen.hosts:
        return True
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema == "url_surtkey":
            known = column.statistics
            if known is None or not known.has_min_max:
                return True
            low, high = known.min.encode(), known.max.encode()
            ranges = [span for host in chosen.hosts for span in key_ranges(host)]
            return any(low < beyond and high >= first for first, beyond in ranges)
    return True


def _check_columns(url: str, names: list[str], chosen: PageSelection) -> None:
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise UserError(f"{url}: no columnar index: no column {missing[0]}")
    if chosen.language and LANGUAGES not in names:
        raise UserError(f"{url}: an index without languages; they begin with CC-MAIN-2018-39")


def _shuffled(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
