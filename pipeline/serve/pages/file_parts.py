"""The parts that WARC files were read to, so that a query on pages opens theirs alone.

A lake of many files has as many Parquet files of pages. A page's id says nothing of where it lies,
but its row of the ledger names the WARC file, and the list of artifacts, which is in memory, says
what each part was read from.
"""

from collections.abc import Sequence

from pipeline.serve.lake_reader import LakeReader

PARTS = r"""
    SELECT artifact FROM artifacts WHERE kind = 'scan' AND current AND list_contains(
        $warcs, regexp_replace(inputs ->> '$.warc[0]', '^sha256:[0-9a-f]*:', ''))
"""


def parts_of(lake: LakeReader, warcs: Sequence[str]) -> list[str]:
    """Short names of the parts of the newest run; none of a file that wasn't read in it.

    Args:
        lake: to read.
        warcs: names of files, as the ledger has them.
    """
    found = lake.rows(PARTS, {"warcs": list(dict.fromkeys(warcs))})
    return [str(name) for name in found["artifact"].to_pylist()]


def within(parts: Sequence[str]) -> str:
    """A condition in SQL: the page lies in one of these; the names are its parameters."""
    return f"artifact IN ({', '.join('?' * len(parts))})" if parts else "true"
