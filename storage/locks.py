"""One run at a time makes an artifact: a lock that lasts as long as anybody works in its scratch.

The run that makes it (the holder) locks a file of the lake and writes into it who it is, with a
token of this try; every process that works for it shares the lock, which its children inherit. So
the kernel frees it when the last of them is dead, and not before: a killed run whose worker still
writes keeps the next one out. A holder takes the lock exclusively, writes its token and turns it
into a shared one. The kernel does that in two steps; who finds another's token then waits again.

On storage that several hosts share, `flock` works between them where the file system passes it on
(NFS version 4, Lustre with `-o flock`). Where it holds on each host alone, the record does: its
holder touches it every few seconds, and one of another boot of a kernel is left alone until it has
been silent for a minute. (There two hosts that begin in the same instant are not kept apart.)
"""

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import json
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from storage.durable import make_folder
from storage.errors import UserError

LOCKS = ".locks"  # of the lake
POLL_SECONDS = 0.2
BEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0  # without a beat another host's holder is held to be dead
FORGOTTEN_SECONDS = 3600.0  # the same by the clock, where hosts' clocks may differ
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who makes an artifact."""

    token: str  # of this try
    pid: int
    host: str
    boot: str  # of its kernel: locks are known to work between processes of one
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


OnWait = Callable[[Holder | None], None]  # called once; None: it has ended, its workers have not


@contextlib.contextmanager
def held(path: Path, on_wait: OnWait, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """Hold the lock, waited for if need be; gives the token for those who work for this process.

    While it waits `stop` is asked, and InterruptedError raised if it says so.
    """
    make_folder(path.parent)
    me = Holder(
        secrets.token_hex(8),
        os.getpid(),
        socket.gethostname(),
        boot_id(),
        datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
    )
    descriptor = _wait_for(path, me, on_wait, stop)
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(descriptor, over), name="lock", daemon=True)
    beat.start()
    try:
        yield me.token
    finally:
        over.set()
        beat.join()
        _let_go(path, descriptor)


def share(path: Path, token: str) -> None:
    """Keep others out until this process and its children are dead.

    A process whose holder is dead, so that another may be at work by now, dies too.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        _die()
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    holder = _read(descriptor)
    if holder is None or holder.token != token:
        _die()
    # never closed: that would free it


@contextlib.contextmanager
def free(path: Path) -> Iterator[bool]:
    """Whether nobody holds the lock; while this lasts nobody can take it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Made now, so that one that comes meanwhile has to wait.
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    is_free = False
    try:
        if _locked(descriptor, fcntl.LOCK_EX):
            holder = _read(descriptor)
            age = time.time() - os.fstat(descriptor).st_mtime
            dead = holder is None or holder.boot == boot_id() or age > FORGOTTEN_SECONDS
            is_free = dead and _is_at(path, descriptor)
        yield is_free
    finally:
        if is_free:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def boot_id() -> str:
    """Of the running kernel; the host's name where the system doesn't say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _wait_for(path: Path, me: Holder, on_wait: OnWait, stop: Callable[[], bool]) -> int:
    """The descriptor of the file, locked, with our record in it."""
    polls = 0
    seen: tuple[str, int] | None = None
    seen_at = time.monotonic()
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            locked = _locked(descriptor, fcntl.LOCK_EX)
            holder = _read(descriptor)
            mark = (holder.token, os.fstat(descriptor).st_mtime_ns) if holder else None
            if mark != seen:
                seen, seen_at = mark, time.monotonic()
            silent = time.monotonic() - seen_at > SILENT_SECONDS
            mine = holder is None or holder.boot == me.boot or silent
            if locked and mine and _is_at(path, descriptor):
                _write(descriptor, me)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                now = _read(descriptor)
                if now is not None and now.token == me.token:
                    kept, descriptor = descriptor, -1
                    return kept
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        polls += 1
        if polls == 2:  # at the first one what a killed worker of our own left may still be dying
            on_wait(holder)
        if stop():
            raise InterruptedError(f"{path.name}: no longer waited for")
        time.sleep(POLL_SECONDS)


def _let_go(path: Path, descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    # A worker that still dies has it, or one that begins to wait: they find an empty record.
    if _locked(descriptor, fcntl.LOCK_EX) and _is_at(path, descriptor):
        path.unlink(missing_ok=True)
    os.close(descriptor)


def _die() -> NoReturn:
    while True:
        os.kill(os.getpid(), signal.SIGKILL)


def _beat(descriptor: int, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    """Whether it could be locked at once."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        raise UserError(
            f"{LOCKS}: the lake's file system has no locks ({error.strerror}): put the lake on"
            " another one, or mount it with them (NFS version 4; Lustre: -o flock)"
        ) from error
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the file is still the one of that name: who was done with it has deleted it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None


def _write(descriptor: int, holder: Holder) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(dataclasses.asdict(holder)).encode(), 0)
