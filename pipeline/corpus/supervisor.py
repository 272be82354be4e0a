"""Sees a WARC file through page processes that may die: every record gets its row.

A page process ended by a page's own doing (time, memory, a crash in C) has that record noted, and a
fresh fork goes on behind the last whole batch and passes over the record. One that others killed is
simply started again, and a record is blamed only if processes keep dying at it.
"""

import json
import os
import select
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.corpus.batches import Batch, Place, whole_batches
from pipeline.corpus.page import Judge
from pipeline.corpus.page_process import FAILED, Board, Job, Poison, read_pages
from pipeline.extract.config import ExtractConfig
from pipeline.lifetime import die_with_parent, leave, signal_name
from storage.durable import make_folder, write_atomic
from storage.errors import UserError

WATCH_SECONDS = 0.25  # between two reports of progress
# How many processes may die at a record before it is blamed. A crash need not come twice, since
# memory lies elsewhere each time; a kill comes from outside: an operator, or no memory left.
CHANCES = {"cpu": 1, "wall": 2, "memory": 2, "crash": 2, "kill": 3}
NOTES = "poisoned.json"

Report = Callable[[int, int, int], None]  # records, kept, offset


def read_file(path: Path, judge: Judge, scratch: Path, report: Report) -> list[Batch]:
    """All batches of the file, those of an earlier run that was killed included."""
    make_folder(scratch)
    job = Job(path, judge, scratch, Board())
    poisoned = _notes(scratch)
    deaths: Counter[tuple[int, str]] = Counter()
    while True:
        batches = whole_batches(scratch)
        start: Place | None = batches[-1].after if batches else Place()
        if start is None:
            return batches
        code, complaint = _run(job, len(batches), start, poisoned, report)
        if code == 0:
            continue
        cause = _cause(code, complaint)
        number, judging, _, _ = job.board.read()
        deaths[number, cause] += 1
        if deaths[number, cause] < CHANCES[cause]:
            continue
        if not judging:
            raise RuntimeError(f"the page process died between records, at record {number}: {code}")
        poisoned[number] = _poison(cause, code, judge.config.extract)
        _note(scratch, poisoned)


def _run(
    job: Job, batch_number: int, start: Place, poisoned: dict[int, Poison], report: Report
) -> tuple[int, dict[str, Any]]:
    """One page process from start to end: how it ended, and what it complained of."""
    parent = os.getpid()
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        die_with_parent(parent)
        leave(read_pages, job, batch_number, start, poisoned, sender)
    os.close(sender)
    text = b""
    try:
        while True:
            ready, _, _ = select.select([receiver], [], [], WATCH_SECONDS)
            piece = os.read(receiver, 65536) if ready else None
            if piece == b"":  # its end is closed: the process has ended
                break
            text += piece or b""
            number, _, offset, kept = job.board.read()
            report(number, kept, offset)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(receiver)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else {}


def _cause(code: int, complaint: dict[str, Any]) -> str:
    """Of what a process died, by the names of CHANCES; what is no page's doing is raised."""
    if code == FAILED:
        kind, text = complaint["kind"], complaint["text"]
        if kind == "user_error":
            raise UserError(text)
        if kind == "os_error":
            raise OSError(complaint["errno"], text)
        if kind == "exception":
            raise RuntimeError(f"the page process failed: {text}")
        return "memory"
    signals: dict[int, str] = {
        signal.SIGPROF: "cpu",
        signal.SIGALRM: "wall",
        **dict.fromkeys((signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP), "kill"),
    }
    return signals.get(-code, "crash")


def _poison(cause: str, code: int, config: ExtractConfig) -> Poison:
    if cause == "cpu":
        return Poison("timeout", "seconds of CPU time", config.timeout_cpu_seconds)
    if cause == "wall":
        return Poison("timeout", "seconds on the clock", config.timeout_wall_seconds)
    if cause == "memory":
        return Poison("memory", f"more than {config.max_memory_bytes} bytes of memory")
    if cause == "kill":
        return Poison("memory", f"{CHANCES['kill']} processes were killed at it: out of memory?")
    how = signal_name(-code) if code < 0 else f"exit code {code}"
    return Poison("crash", f"the page process ended with {how}")


def _notes(scratch: Path) -> dict[int, Poison]:
    try:
        noted = json.loads((scratch / NOTES).read_bytes())
        return {int(number): Poison(**poison) for number, poison in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # none, or spoilt: what kills will do so again


def _note(scratch: Path, poisoned: dict[int, Poison]) -> None:
    """Kept in scratch, so that a second run does not wait for the same page again."""
    noted = json.dumps({n: asdict(poison) for n, poison in poisoned.items()})
    write_atomic(scratch / NOTES, noted.encode())
