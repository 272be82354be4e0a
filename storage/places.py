"""Where a page stands in a corpus of billions: from a URL or an id to a row group of the ledger.

`places-*.parquet` of a corpus is one table of all keys, ascending, cut into small files; a key says
in which group of the corpus, and in which row group of its ledger, rows with it stand. A page's key
is a hash of its host and one of its whole URL, so a host's pages stand side by side: that finds
what is nearest to an unknown URL. A document's key is how its id begins. Two things of one key cost
a look at one row group more, no wrong answer: whoever looks compares the row.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PLACES = pa.schema(
    [
        ("key", pa.uint64()),
        ("group", pa.int32()),  # which of the corpus's groups, from 0
        ("row_group", pa.int32()),  # of its ledger's shards, counted through
    ]
)
NAME = "places"
FIRST_KEYS = "places.json"  # the first key of each file
CLUSTER_SPANS = "clusters.json"  # the least and the greatest cluster of each shard of clusters
GROUP_HEAD = "group.json"  # of a corpus's group: its WARC files and figures
_HOST = re.compile(r"(?:[^:/?#]*:)?(?://)?([^/?#]*)")

Open = Callable[[str], BinaryIO]  # a file of the corpus by name


def url_key(url: str) -> int:
    """The key of a URL: 32 bits of its host, 32 of all of it."""
    return _hash(host_of(url)) << 32 | _hash(url)


def host_keys(url: str) -> tuple[int, int]:
    """The least and the greatest key that a URL of this one's host may have."""
    low = _hash(host_of(url)) << 32
    return low, low | 0xFFFFFFFF


def id_key(id_: str) -> int:
    """The key of a document's id."""
    return int(id_[:16], 16)


def host_of(url: str) -> str:
    """The part that names the machine, in lower case; of anything at all, since a URL may be."""
    found = _HOST.match(url)
    return found[1].lower() if found else ""


def between(
    open_file: Open, first_keys: Sequence[int], low: int, high: int
) -> Iterator[tuple[int, int]]:
    """(group, row group) of the keys from `low` to `high`, in their order, each once in a row.

    Of one key that is a row group of one file.
    """
    last = None
    for number, first in enumerate(first_keys):
        after = first_keys[number + 1] if number + 1 < len(first_keys) else high
        if first > high or after < low:  # a key may go on in the next file
            continue
        with open_file(f"{NAME}-{number:05d}.parquet") as source, pq.ParquetFile(source) as file:
            for group in range(file.num_row_groups):
                span = file.metadata.row_group(group).column(0).statistics
                if span is None or not span.has_min_max or span.min > high or span.max < low:
                    continue
                rows = file.read_row_group(group)
                keys = rows["key"].to_numpy()
                start = int(np.searchsorted(keys, np.uint64(low)))
                stop = int(np.searchsorted(keys, np.uint64(high), side="right"))
                found = rows.slice(start, stop - start)
                pairs = zip(found["group"].to_pylist(), found["row_group"].to_pylist())
                for place in pairs:
                    if place != last:
                        yield place
                    last = place


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big")
