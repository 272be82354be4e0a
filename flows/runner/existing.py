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

from prefect.futures import PrefectFuture

from flows.runner.references import Reference, reference, stand_in
from flows.runner.work import Work
from storage import Lake

ONE_BY_ONE = 64  # of a kind, before the lake is listed


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
        self._listed: dict[str, dict[str, tuple[int, int]]] = {}

    def find(self, lake: Lake, kind: str, digest: str) -> Reference | None:
        self._asked[kind] += 1
        if self._asked[kind] <= ONE_BY_ONE:
            whole = lake.is_whole(kind, digest)
            return reference(lake.manifest(kind, digest), lake) if whole else None
        if kind not in self._listed:
            self._listed[kind] = _sizes(lake, kind)
        size = self._listed[kind].get(digest)
        return size and stand_in(lake, kind, digest, *size)


def _sizes(lake: Lake, kind: str) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each whole artifact of a kind."""
    table = lake.table(kind)
    digests, rows, size = (table[name].to_pylist() for name in ("digest", "rows", "bytes"))
    return dict(zip(digests, zip(rows, size)))


_known: weakref.WeakKeyDictionary[Lake, _Known] = weakref.WeakKeyDictionary()  # a run opens its own


def forget(lake: Lake) -> None:
    """Something was removed: what is whole is asked anew."""
    _known.pop(lake, None)


def find(work: Work) -> Reference | None:
    """The artifact, if it was whole when this run first looked."""
    known = _known.setdefault(work.lake, _Known())
    return known.find(work.lake, work.stage.kind, work.digest)
