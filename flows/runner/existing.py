"""Which artifacts are there already, so that a run over thousands of them makes no task for each.

A task run that finds its artifact still costs states, events and rows in Prefect's database (see
docs/operations.md), and with S3 some requests: for 90,000 parts 20 minutes and two gigabytes. So
where tasks are handed out side by side, what is whole in the lake gets none. A few are asked one by
one; when there are many the lake is listed once, and that holds for the rest of the run, or until
something is removed.
"""

import weakref
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
from prefect.futures import PrefectFuture

from flows.runner.references import Reference, reference, stand_in
from flows.runner.work import Work
from storage import Lake

ONE_BY_ONE = 64  # of a kind, before the lake is listed
SIZES = ("digest", "rows", "bytes")
KEPT = ["folder", "manifest_bytes", "changed", *SIZES, "statistics"]


class ExistingArtifact(PrefectFuture[Reference]):
    """In place of a task's future: what it would have made is there."""

    def __init__(self, made: Reference) -> None:
        self._made = made

    def wait(self, timeout: float | None = None) -> None:
        """Nothing is waited for."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Reference:
        return self._made

    def add_done_callback(self, fn: Callable[[PrefectFuture[Reference]], None]) -> None:
        fn(self)


class _Known:
    """The whole artifacts of one lake, as far as they were asked for."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._sizes: dict[str, dict[str, tuple[int, int]]] = {}  # rows and bytes
        self._tables: dict[str, pa.Table] = {}

    def find(self, lake: Lake, kind: str, digest: str) -> Reference | None:
        self._asked[kind] += 1
        if self._asked[kind] <= ONE_BY_ONE:
            whole = lake.is_whole(kind, digest)
            return reference(lake.manifest(kind, digest), lake) if whole else None
        if kind not in self._sizes:
            digests, rows, size = (self.table(lake, kind)[name].to_pylist() for name in SIZES)
            self._sizes[kind] = dict(zip(digests, zip(rows, size)))
        size = self._sizes[kind].get(digest)
        return size and stand_in(lake, kind, digest, *size)

    def table(self, lake: Lake, kind: str) -> pa.Table:
        if kind not in self._tables:
            self._tables[kind] = lake.table(kind).select(KEPT)
        return self._tables[kind]


_known: weakref.WeakKeyDictionary[Lake, _Known] = weakref.WeakKeyDictionary()  # a run opens its own


def forget(lake: Lake) -> None:
    """Something was removed: what is whole is asked anew."""
    _known.pop(lake, None)


def find(work: Work) -> Reference | None:
    """The artifact, if it was whole when this run first looked."""
    known = _known.setdefault(work.lake, _Known())
    return known.find(work.lake, work.stage.kind, work.digest)


def table(lake: Lake, kind: str) -> pa.Table:
    """What was whole of a kind when this run first listed it: KEPT of `Lake.table`'s columns."""
    return _known.setdefault(lake, _Known()).table(lake, kind)
