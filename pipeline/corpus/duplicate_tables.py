"""The tables of a `duplicates` artifact: what is dropped, group by group, and who is like whom."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.dedup.hash_index import id_texts
from storage.places import CLUSTER_SPANS
from storage.schemas import CLUSTERS
from storage.tables import ShardedTableWriter, column_span

DROPPED = pa.schema(
    [
        ("id", pa.string()),
        ("part", pa.int32()),  # which of its group's parts, from 0
        ("rule", pa.string()),  # exact or minhash
        ("keeper", pa.string()),  # id of the page that is kept instead
    ]
)
ROWS_AT_ONCE = 50_000


def dropped_tables(
    counts: list[int],
    numbers: np.ndarray,
    keepers: np.ndarray,
    is_copy: np.ndarray,
    ids: np.ndarray,
    rules: Counter[str],
) -> Iterator[pa.Table]:
    """Rows of DROPPED for a group's parts, a table each, in their order.

    Args:
        counts: documents of each part.
        numbers: of the group's documents, [documents].
        keepers: the document that is kept in place of each, [all documents].
        is_copy: which documents are copies to the word, [documents of this dump].
        ids: 16 bytes each, [all documents].
        rules: is told how many each rule dropped.
    """
    start = 0
    for part, count in enumerate(counts):
        documents = np.array(numbers[start : start + count])
        start += count
        documents = documents[keepers[documents] != documents]
        first = len(keepers) - len(is_copy)
        rule = np.where(is_copy[documents - first], "exact", "minhash")
        rules.update(rule.tolist())
        columns = {
            "id": id_texts(ids[documents]),
            "part": np.full(len(documents), part, dtype=np.int32),
            "rule": pa.array(rule.tolist(), pa.string()),
            "keeper": id_texts(ids[keepers[documents]]),
        }
        yield pa.table(columns, schema=DROPPED)


def write_clusters(
    members: Iterable[tuple[np.ndarray, np.ndarray]],
    earlier: int,
    ids: np.ndarray,
    out: Path,
    file_bytes: int,
) -> int:
    """Rows of CLUSTERS in the order of cluster and id, and which clusters each file has."""
    with ShardedTableWriter(out, "clusters", CLUSTERS, file_bytes) as writer:
        for documents, clusters in members:
            for start in range(0, len(documents), ROWS_AT_ONCE):
                some, cluster = documents[start:][:ROWS_AT_ONCE], clusters[start:][:ROWS_AT_ONCE]
                columns = {
                    "id": id_texts(ids[some]),
                    "cluster": id_texts(ids[cluster]),
                    "kept": some == cluster,
                    "earlier": some < earlier,
                }
                writer.write(pa.table(columns, schema=CLUSTERS))
    spans = [column_span(path, "cluster") for path in writer.paths]
    (out / CLUSTER_SPANS).write_text(json.dumps(spans) + "\n")
    return writer.rows


def dropped_file(group: int) -> str:
    """The name of the file with the duplicates among a group's pages."""
    return f"dropped-{group:05d}.parquet"
