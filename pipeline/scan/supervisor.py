"""Has a WARC file judged by page processes that may die: every record gets its row.

A page process ended by a page's own doing (time, memory, a crash in C) has that record noted, and a
fresh fork goes on behind the last whole batch and passes over the record. One that others killed is
simply started again, and a record is blamed only if processes keep dying at it. What a busy machine
may be to blame for is tried again at the end of the file (second_try.py).
"""

import json
import os
import select
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pipeline.decision import Decision
from pipeline.scan.batches import AGAIN, PREFIX, ReadPosition, StoredBatch, whole_batches
from pipeline.scan.judge import Judge
from pipeline.scan.page_process import FAILED, Board, Complaint, PageJob, Poison, Stint, read_pages
from pipeline.scan.second_try import CHANCES, best_batches, for_process, poison, second_try
from pipeline.worker.lifetime import die_with_parent, leave
from storage.durable import make_folder, remove_tree, write_atomic
from storage.errors import UserError
from storage.file_hashes import state_of

WATCH_SECONDS = 0.25  # between two reports of progress
NOTES = "poisoned.json"
STATE = "input.json"  # the file's, by which what is in scratch was read

Report = Callable[[int, int, int], None]  # records, kept, offset


def read_file(path: Path, judge: Judge, scratch: Path, report: Report) -> list[StoredBatch]:
    """Judge every record of a file.

    Args:
        path: WARC, ARC or WET file.
        judge: the gates, loaded; a forked process has it for nothing.
        scratch: folder; whole batches that a killed run left there are taken over.
        report: called a few times a second.

    Returns:
        All batches, in the order of the file.

    Raises:
        UserError: it is no web archive.
        OSError: of the file, or of scratch.
        RuntimeError: a fault in our code.
    """
    make_folder(scratch)
    _forget_another_state(path, scratch)
    job = PageJob(path, judge, scratch, Board())
    poisoned = _notes(scratch)
    _see_through(job, poisoned, lambda: _first_try(scratch), report)
    _see_through(job, poisoned, lambda: second_try(scratch, poisoned), lambda *_: None)
    return best_batches(scratch)


def _forget_another_state(path: Path, scratch: Path) -> None:
    """Throw away what was read of the file when its bytes may have been others."""
    note, now = scratch / STATE, asdict(state_of(path))
    if note.exists() and note.read_text() != json.dumps(now):
        _forget(scratch)
    write_atomic(note, json.dumps(now).encode())


def _forget(scratch: Path) -> None:
    """Throw away what was read of the file."""
    (scratch / NOTES).unlink(missing_ok=True)
    for batch in (*scratch.glob(f"{PREFIX}*"), *scratch.glob(f"{AGAIN}*")):
        remove_tree(batch)  # a folder, of an earlier version


def _first_try(scratch: Path) -> Stint | None:
    """Behind the last whole batch; None when the file has been read to its end."""
    batches = whole_batches(scratch)
    start: ReadPosition | None = batches[-1].after if batches else ReadPosition()
    return Stint(len(batches), start) if start else None


def _see_through(
    job: PageJob, poisoned: dict[int, Poison], following: Callable[[], Stint | None], report: Report
) -> None:
    """Stint after stint, and what becomes of those who die in one."""
    deaths: Counter[tuple[int, str]] = Counter()
    done: Stint | None = None
    while stint := following():
        if stint == done:
            raise RuntimeError(f"batch {stint.batch} was read, and is of other records than before")
        code, complaint = _run(job, stint, poisoned, report)
        if code == 0:
            done = stint
            continue
        cause = _cause(code, complaint)
        number, judging, _, _ = job.board.read()
        deaths[number, cause] += 1
        if deaths[number, cause] < CHANCES[cause]:
            continue
        if not judging:
            raise RuntimeError(f"the page process died between records, at record {number}: {code}")
        poisoned[number] = poison(cause, code, job.judge.config.extract, stint.again)
        _note(job.scratch, poisoned)


def _run(
    job: PageJob, stint: Stint, poisoned: dict[int, Poison], report: Report
) -> tuple[int, Complaint | None]:
    """One page process from start to end: its exit code (-n by signal n), and its complaint."""
    parent = os.getpid()
    # A process that dies before its first record: the last one's is not to blame.
    job.board.write(stint.start.number, False, stint.start.offset, job.board.read()[3])
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        die_with_parent(parent)
        leave(read_pages, job, stint, for_process(stint, poisoned), sender)
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
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def _cause(code: int, complaint: Complaint | None) -> str:
    """Of what a process died, by the names of CHANCES; what is no page's doing is raised."""
    if code == FAILED:
        assert complaint is not None, "a page process failed and did not say why"
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


def _notes(scratch: Path) -> dict[int, Poison]:
    try:
        noted = json.loads((scratch / NOTES).read_bytes())
        return {
            int(number): Poison(Decision(**one["decision"]), one["late"], one["final"])
            for number, one in noted.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError, AttributeError):
        # Spoilt. Only it knew which rows of the batches wait for a second try.
        _forget(scratch)
        return {}


def _note(scratch: Path, poisoned: dict[int, Poison]) -> None:
    """Kept in scratch, so that a second run does not wait for the same page again."""
    noted = json.dumps({n: asdict(poison) for n, poison in poisoned.items()})
    write_atomic(scratch / NOTES, noted.encode())
