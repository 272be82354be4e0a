"""Which pages of all parts are duplicates of which: exact ones first, then MinHash clusters.

The keeper of a cluster is its smallest id whatever the order of the parts.
"""

import dataclasses

import numpy as np
import pyarrow as pa

from pipeline.dedup import exact, minhash
from pipeline.dedup.minhash import MinhashConfig
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """For each page: the id it was dropped for, by which rule, and the keeper of its cluster."""

    dropped: dict[str, tuple[str, str]]  # id -> rule, id of the page that is kept instead
    keeper: dict[str, str]  # id -> keeper, every page; its own id where it is kept


def find(signatures: pa.Table, exact_first: bool, config: MinhashConfig) -> Duplicates:
    """Duplicates among the rows of all parts' signatures, which were made with `config`."""
    ids: list[str] = signatures["id"].to_pylist()
    if len(set(ids)) < len(ids):
        raise UserError("the same page stands in two parts: is a WARC file given twice?")
    same = {id_: id_ for id_ in ids}
    if exact_first:
        same = exact.keepers(ids, signatures["text_sha256"].to_pylist())
    left = [index for index, id_ in enumerate(ids) if same[id_] == id_]
    left_ids = [ids[index] for index in left]
    near = minhash.clusters(left_ids, hashes(signatures.take(pa.array(left, pa.int64()))), config)
    keeper = {id_: near[same[id_]] for id_ in ids}
    dropped = {}
    for id_ in ids:
        if same[id_] != id_:
            dropped[id_] = ("exact", keeper[id_])
        elif keeper[id_] != id_:
            dropped[id_] = ("minhash", keeper[id_])
    return Duplicates(dropped, keeper)


def hashes(signatures: pa.Table) -> np.ndarray:
    """The signatures as a matrix, one row a page."""
    rows = signatures["signature"].to_pylist()
    if not rows:
        return np.empty((0, 0), dtype=np.uint64)
    return np.frombuffer(b"".join(rows), dtype="<u8").reshape(len(rows), -1).astype(np.uint64)


def cluster_rows(duplicates: Duplicates) -> list[dict[str, object]]:
    """Members of clusters of two or more, in the order of cluster and id (CLUSTERS)."""
    sizes: dict[str, int] = {}
    for keeper in duplicates.keeper.values():
        sizes[keeper] = sizes.get(keeper, 0) + 1
    members = sorted(
        (keeper, id_) for id_, keeper in duplicates.keeper.items() if sizes[keeper] > 1
    )
    return [{"id": id_, "cluster": keeper, "kept": id_ == keeper} for keeper, id_ in members]
