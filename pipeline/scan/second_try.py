"""Pages that a busy machine may be to blame for: tried again at the end, alone, with more time.

A time limit and a kill from outside say something of the page and something of what else the
machine does; rows should say nothing of the latter. So such a page's row is provisional until the
file has been read. Then its batch is judged once more, from the same records, and takes the place
of the first. What runs out of time even then has a row that says so.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.decision import Decision, failed
from pipeline.extract.config import ExtractConfig
from pipeline.scan.batches import ReadPosition, StoredBatch, batches_again, whole_batches
from pipeline.scan.page_process import Poison, Stint
from pipeline.worker.lifetime import signal_name
from storage.durable import remove_tree

# How many processes may die at a record before it is blamed. A crash need not come twice, since
# memory lies elsewhere each time; a kill comes from outside: an operator, or no memory left.
CHANCES = {"cpu": 1, "wall": 2, "memory": 2, "crash": 2, "kill": 3}
PASSING = ("cpu", "wall", "kill")  # that may go otherwise on a quiet machine
TIME_DEPENDENT = "twice over: a quicker or less busy machine may end it"  # in the ledger's detail


def poison(cause: str, code: int, config: ExtractConfig, again: bool) -> Poison:
    """What becomes of a record at which processes died of this cause."""
    late, final = cause in PASSING, again or cause not in PASSING
    times = config.last_try_times if again else 1
    if cause == "cpu":
        seconds, of = times * config.timeout_cpu_seconds, "seconds of CPU time"
        return Poison(_timeout(seconds, of), late, final)
    if cause == "wall":
        seconds, of = times * config.timeout_wall_seconds, "seconds on the clock"
        return Poison(_timeout(seconds, of), late, final)
    if cause == "memory":
        # Once more even if it is the batch's only late page: its row must say what it died of last.
        detail = f"more than {config.max_memory_bytes} bytes of memory"
        return Poison(failed("extract", "memory", detail=detail), late=again)
    if cause == "kill":
        killed = f"{CHANCES['kill']} processes were killed at it (out of memory?)"
        detail = f"{killed}, {TIME_DEPENDENT}"
        return Poison(failed("extract", "memory", detail=detail), late, final)
    how = signal_name(-code) if code < 0 else f"exit code {code}"
    detail = f"the page process ended with {how}"
    return Poison(failed("extract", "crash", detail=detail), late=again)


def _timeout(seconds: float, of: str) -> Decision:
    return failed("extract", "timeout", seconds, seconds, f"{of}, {TIME_DEPENDENT}")


def second_try(scratch: Path, poisoned: Mapping[int, Poison]) -> Stint | None:
    """The next batch to be judged once more; None if no page has another try."""
    late = [number for number, one in poisoned.items() if one.late]
    if not late:
        return None
    batches = whole_batches(scratch)
    again = _again(scratch, batches)
    start: ReadPosition | None = ReadPosition()
    for index, batch in enumerate(batches):
        assert start is not None, "a batch behind the file's end"
        until = batch.after.number if batch.after else None
        if index not in again and any(
            start.number <= number and (until is None or number < until) for number in late
        ):
            return Stint(index, start, True, until)
        start = batch.after
    return None


def for_process(stint: Stint, poisoned: Mapping[int, Poison]) -> dict[int, Poison]:
    """The records that it passes over."""
    return {n: one for n, one in poisoned.items() if one.final or not stint.again}


def best_batches(scratch: Path) -> list[StoredBatch]:
    """Every batch, in its last form."""
    batches = whole_batches(scratch)
    again = _again(scratch, batches)
    return [again.get(index, batch) for index, batch in enumerate(batches)]


def _again(scratch: Path, batches: list[StoredBatch]) -> dict[int, StoredBatch]:
    """The batches judged once more; one that is of other records than its first form is removed."""
    found = batches_again(scratch)
    for index, batch in found.items():
        first = batches[index] if index < len(batches) else None
        if first is None or (first.after, first.records) != (batch.after, batch.records):
            remove_tree(batch.file)
    return {index: batch for index, batch in found.items() if batch.file.exists()}
