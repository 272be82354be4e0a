"""Single pages of a lake of many parts: from rows of the ledger to the parts that hold them.

A row of the ledger names its WARC file and the corpus's group that it stands in, and the group's
head says which part each file was read to. Of a part's pages no more is read than row groups that
have what is looked for: their footer says from which value to which they go.
"""

import bisect
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.lake import Lake
from storage.manifest import Manifest
from storage.places import GROUP_HEAD

PAGES = "pages.parquet"  # of a part
READERS = 4  # parts at a time: each may have a row group's texts in memory


def pages_of(lake: Lake, records: pa.Table, columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of the pages of rows of the ledger, a row group's at a time, each part once.

    `records` has the ledger's columns `id`, `warc`, `offset` and `artifact`. Records without a
    page, and those whose part is gone, have no row.
    """
    records = records.filter(pc.not_equal(records["id"], ""))
    wanted = ["id", *(name for name in columns if name != "id")]

    def parts_of(artifact: str) -> dict[str, str]:
        return part_digests(lake, lake.manifest("corpus_group", artifact))

    def found(digest: str, rows: pa.Table) -> list[pa.Table]:
        part = whole_part(lake, digest)
        if part is None:
            return []
        offsets, ids = rows["offset"].to_pylist(), rows["id"].combine_chunks()
        near = rows_with(lake, part, PAGES, "offset", offsets, wanted)
        return [some.filter(pc.is_in(some["id"], ids)).select(list(columns)) for some in near]

    with ThreadPoolExecutor(READERS) as pool:
        artifacts = pc.unique(records["artifact"]).to_pylist()
        asked = []
        for artifact, parts in zip(artifacts, pool.map(parts_of, artifacts)):
            of_group = records.filter(pc.equal(records["artifact"], artifact))
            for warc in pc.unique(of_group["warc"]).to_pylist():
                asked.append((parts[warc], of_group.filter(pc.equal(of_group["warc"], warc))))
        for tables in pool.map(found, *zip(*asked)) if asked else ():
            yield from tables


def part_digests(lake: Lake, group: Manifest) -> dict[str, str]:
    """Which part each file of a corpus's group was read to."""
    with lake.opened(group, GROUP_HEAD) as file:
        names = [read["warc"] for read in json.loads(file.read())["warcs"]]
    return dict(zip(names, group.inputs["parts"], strict=True))


def whole_part(lake: Lake, digest: str) -> Manifest | None:
    """A part, if it is still there."""
    if not lake.is_whole("scan", digest):
        return None
    return lake.manifest("scan", digest)


def rows_with(
    lake: Lake,
    artifact: Manifest,
    name: str,
    column: str,
    values: Iterable[Any],
    columns: list[str] | None = None,
) -> Iterator[pa.Table]:
    """The rows of a Parquet file whose `column` has one of the values, a row group's at a time.

    Row groups that can't have any are passed over; of one that has none, `column` alone is read.
    """
    sought = sorted(values)
    with lake.opened(artifact, name) as source, pq.ParquetFile(source) as file:
        place = file.schema_arrow.get_field_index(column)
        value_set = pa.array(sought, file.schema_arrow.field(place).type)
        for number in range(file.num_row_groups):
            span = file.metadata.row_group(number).column(place).statistics
            if span is None or not span.has_min_max:
                continue
            first = bisect.bisect_left(sought, span.min)
            if first == len(sought) or sought[first] > span.max:
                continue
            is_one = pc.is_in(file.read_row_group(number, columns=[column])[column], value_set)
            if pc.any(is_one).as_py():
                yield file.read_row_group(number, columns=columns).filter(is_one)
