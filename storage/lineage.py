"""Which artifacts the newest run is made of: its heads and all they were made from.

A lake holds the artifacts of many runs, and a part may serve several. Per kind the heads decide:
where a slot names an artifact of a kind, others of that kind are left out even if an older head
was made from them, so that a table over the selection never counts a page twice. What an earlier
run left for comparison (the input `previous`) is no part of a run.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

EARLIER = "previous"


def parents(inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """Digests of the artifacts among an artifact's inputs, an earlier run's aside."""
    given = (digest for key, digests in inputs.items() if key != EARLIER for digest in digests)
    return [digest for digest in given if not digest.startswith("sha256:")]


def reachable(rows: pa.Table, heads: Mapping[str, str]) -> pa.Table:
    """The rows (kind, digest, parents, …) of the heads' artifacts and their ancestors, in order."""
    kinds, digests, made_from = (rows[name].to_pylist() for name in ("kind", "digest", "parents"))
    places = {digest: place for place, digest in enumerate(digests)}
    chosen = {slot.split(".")[0] for slot in heads}
    found: set[int] = set()
    waiting = [digest for _, digest in sorted(heads.items())]
    heads_digests = frozenset(waiting)
    while waiting:
        place = places.get(waiting.pop())
        if place is None or place in found:
            continue  # an artifact that is gone, or seen before
        if kinds[place] in chosen and digests[place] not in heads_digests:
            continue
        found.add(place)
        waiting.extend(made_from[place])
    return rows.take(pa.array(sorted(found), pa.int64()))
