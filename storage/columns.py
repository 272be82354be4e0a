"""Some columns of a remote Parquet file, as a local file that any reader takes.

The footer says which bytes hold which column. Those and the footer are fetched to their places in
an otherwise empty (sparse) file of the same length: who reads the columns asked for reads what the
whole file would give, and another column's bytes are zeros, which no reader takes for a page.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from storage import aws
from storage.errors import UserError
from storage.transfer import PART_BYTES, ObjectAddress, read_range

FOOTER_BYTES = 64 << 10  # the first guess at its length
MAGIC = b"PAR1"
GAP_BYTES = 64 << 10  # fetched for nothing rather than asked for twice

Span = tuple[int, int]  # of bytes: start and stop


def download(place: ObjectAddress, target: Path, columns: Sequence[str]) -> None:
    """Fetch the columns of one version of the object."""
    with aws.plain_errors(place.where):
        head = place.client.head_object(**place.named)
    size, etag = int(head["ContentLength"]), str(head["ETag"])
    start = max(0, size - FOOTER_BYTES)
    tail = read_range(place, start, size, etag)
    if tail[-4:] != MAGIC:
        raise UserError(f"{place.where}: damaged (no Parquet file): delete it and run again")
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > len(tail):
        start = max(0, size - length)
        tail = read_range(place, start, size, etag)
    footer = pq.read_metadata(io.BytesIO(MAGIC + tail[-length:]))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.truncate(size)
        wanted = [(0, len(MAGIC)), (size - length, size), *spans(footer, columns, place.where)]
        for first, last in joined(wanted):
            for begin in range(first, last, PART_BYTES):
                file.seek(begin)
                file.write(read_range(place, begin, min(begin + PART_BYTES, last), etag))


def spans(footer: pq.FileMetaData, columns: Sequence[str], where: str) -> list[Span]:
    """Where the columns' bytes lie."""
    schema = footer.schema
    paths = [schema.column(number).path for number in range(len(schema))]
    known = {path.split(".")[0] for path in paths}
    if missing := [name for name in columns if name not in known]:
        raise UserError(f"{where}: no column {missing[0]}: made by another version")
    found = []
    for group in range(footer.num_row_groups):
        for number, path in enumerate(paths):
            if path.split(".")[0] not in columns:
                continue
            chunk = footer.row_group(group).column(number)
            start = chunk.data_page_offset
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                start = min(start, chunk.dictionary_page_offset)
            found.append((start, start + chunk.total_compressed_size))
    return found


def joined(wanted: Iterable[Span]) -> list[Span]:
    """The same in order, neighbours as one."""
    found: list[Span] = []
    for start, stop in sorted(wanted):
        if found and start - found[-1][1] <= GAP_BYTES:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found
