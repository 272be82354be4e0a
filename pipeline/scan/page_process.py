"""The process that reads a WARC file and judges its pages; hostile pages may kill it.

A page can hang or crash C code, which nothing inside the process can stop: so the kernel ends it,
by interval timers whose signals kill and by a limit on its data. It says in shared memory what
record it is at, leaves whole batches in scratch, and ends after some of them; what it could not do
it tells its supervisor as one JSON line.
"""

import dataclasses
import gc
import json
import mmap
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypedDict

from pipeline.crawl.account import Account, Padding
from pipeline.crawl.dump_name import dump_in_info, dump_name
from pipeline.crawl.warc import Record, document_id, read_all
from pipeline.decision import Decision
from pipeline.extract.config import ExtractConfig
from pipeline.scan.batches import AGAIN, PREFIX, BatchRows, ReadPosition, schemas
from pipeline.scan.judge import Judge, Judgement
from storage.errors import UserError

BATCHES_PER_PROCESS = 20  # then a fresh fork goes on: parsers grow in memory
# objects more than were freed; a page makes few cycles and the rows of a batch make none, so that
# Python's 700 has the collector go through the same rows again and again
COLLECT_AFTER = 20_000
FAILED = 3  # exit code: what happened is in the pipe


@dataclasses.dataclass(frozen=True)
class Poison:
    """Why a record can't be judged: what becomes of its row."""

    decision: Decision  # by the rule timeout, memory or crash
    late: bool = False  # its batch is judged once more, as a busy machine may be to blame
    final: bool = True  # no other try


class Complaint(TypedDict):
    """What a page process could not do, as it tells its supervisor."""

    kind: str  # user_error, memory, os_error, exception
    text: str
    errno: int | None  # of an os_error


class Board:
    """Shared memory in which a page process says what it is at."""

    FIELDS = struct.Struct("=qqqq")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self.FIELDS.size)

    def write(self, number: int, judging: bool, offset: int, kept: int) -> None:
        """The record's number, whether it is judged just now, its offset; pages kept so far."""
        self.FIELDS.pack_into(self._memory, 0, number, judging, offset, kept)

    def read(self) -> tuple[int, bool, int, int]:
        """The same four, as they were written last."""
        number, judging, offset, kept = self.FIELDS.unpack_from(self._memory)
        return number, bool(judging), offset, kept


@dataclasses.dataclass(frozen=True)
class PageJob:
    """What page processes of one file share with their supervisor."""

    path: Path
    judge: Judge
    scratch: Path
    board: Board


@dataclasses.dataclass(frozen=True)
class Stint:
    """What one page process is to do: a few batches, or one of them once more."""

    batch: int  # number of the first
    start: ReadPosition
    again: bool = False  # one batch, with longer limits of time
    until: int | None = None  # the number of the record behind it; None: the file ends with it


def read_pages(job: PageJob, stint: Stint, poisoned: Mapping[int, Poison], complaint: int) -> int:
    """Judge the file from the stint's start on, in the process that was forked for it.

    Args:
        job: what all processes of the file share.
        stint: which batches.
        poisoned: by record number, the records that are passed over.
        complaint: file descriptor, for one `Complaint` as JSON.

    Returns:
        The exit code: 0, or FAILED after a complaint.
    """
    try:
        _prepare(job.judge.config.extract)
        _read(job, stint, poisoned)
    except UserError as error:
        return _complain(complaint, "user_error", str(error))
    except MemoryError as error:
        return _complain(complaint, "memory", str(error))
    except OSError as error:
        return _complain(complaint, "os_error", str(error), error.errno)
    except Exception as error:  # ours: the supervisor fails with it
        traceback.print_exc()
        return _complain(complaint, "exception", f"{type(error).__name__}: {error}")
    return 0


def _read(job: PageJob, stint: Stint, poisoned: Mapping[int, Poison]) -> None:
    judge, board, path = job.judge, job.board, job.path
    config = judge.config
    timers = _Timers(config.extract, stint.again)
    prefix = AGAIN if stint.again else PREFIX
    tables = schemas(config.minhash)
    start, batch_number = stint.start, stint.batch
    rows = BatchRows(path.name, tables, Account(start.offset, start.index, start.inner))
    number, dump = start.number, start.dump or dump_name(path.name)
    kept = board.read()[3]
    last_batch = batch_number + (1 if stint.again else BATCHES_PER_PROCESS)
    for item in _items(path, judge, start):
        if isinstance(item, Padding):
            rows.account.add(item)
            continue
        record = item
        if number == stint.until if stint.again else rows.full:
            # From the account, so that a gap just here is seen as anywhere else.
            done = rows.account
            position = ReadPosition(done.offset, done.index, number, dump, done.inner)
            rows.write(job.scratch, batch_number, position, prefix)
            batch_number += 1
            if batch_number == last_batch:
                return
            rows = BatchRows(
                path.name, tables, Account(position.offset, position.index, position.inner)
            )
        if record.record_type == "warcinfo" and not dump:
            dump = dump_in_info(record.content)
        board.write(number, True, record.offset, kept)
        if number in poisoned:
            judged = _poisoned(path.name, record, poisoned[number])
        else:
            with timers:
                judged = judge.record(path.name, record)
        rows.add(record, judged, dump)
        number += 1
        kept += judged.kept
        board.write(number, False, record.offset, kept)
    rows.write(job.scratch, batch_number, None, prefix)


def _items(path: Path, judge: Judge, start: ReadPosition) -> Iterator[Record | Padding]:
    return islice(read_all(path, judge.config.limits, start.offset), start.index, None)


def _poisoned(warc: str, record: Record, poison: Poison) -> Judgement:
    return Judgement(id=document_id(warc, record)).decide(poison.decision)


class _Timers:
    """The kernel ends this process when a page takes too long, in C code as well."""

    def __init__(self, config: ExtractConfig, again: bool) -> None:
        times = config.last_try_times if again else 1
        self.seconds = (
            (signal.ITIMER_PROF, times * config.timeout_cpu_seconds),
            (signal.ITIMER_REAL, times * config.timeout_wall_seconds),
        )

    def __enter__(self) -> None:
        for timer, seconds in self.seconds:
            signal.setitimer(timer, seconds)

    def __exit__(self, *_: object) -> None:
        for timer, _seconds in self.seconds:
            signal.setitimer(timer, 0)


def _prepare(config: ExtractConfig) -> None:
    # What was there before the fork stays: the collector need not look at it, nor copy its pages.
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    for number in (signal.SIGPROF, signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGPROF, signal.SIGALRM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform.startswith("linux"):  # elsewhere the limit does not count what is mapped
        limit = _data_bytes() + config.max_memory_bytes
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _data_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    return pages * resource.getpagesize()


def _complain(complaint: int, kind: str, text: str, number: int | None = None) -> int:
    message: Complaint = {"kind": kind, "text": text, "errno": number}
    os.write(complaint, json.dumps(message).encode())
    return FAILED
