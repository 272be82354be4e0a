"""Whose a staging folder is, and which ones nobody will ever finish.

The folder's name says it: `<kind>-<digest16>-<pid>-<host>_<started>_<random>`. `host` is a hash
of what tells one running system from another (host name, machine id, boot id, pid namespace),
`started` the process's start time, so that a pid used again, or one seen from another machine or
container on a shared disk, is not taken for the owner. Folders of a living process on this host are
never touched, those of a dead one always, those of other hosts, or of before the last boot, when
they are old. Scratch that a living run has locked is never touched. Others may remove or finish
what is looked at here.
"""

import contextlib
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from storage import durable, locks
from storage.index import FOLDER as INDEX
from storage.local import SCRATCH, STAGING

MAX_AGE_SECONDS = 7 * 24 * 3600.0
MACHINE_ID = Path("/etc/machine-id")

_NAME = re.compile(
    r"(?P<kind>[a-z0-9_]+)-(?P<digest>[0-9a-f]{16})-(?P<pid>\d+)"
    r"-(?P<host>[0-9a-f]{8})_(?P<started>\d+)_[0-9a-f]+(\.\w+)?"
)


def staging_name(kind: str, digest: str) -> str:
    """A fresh name that carries its owner, this process."""
    pid = os.getpid()
    owner = f"{_host()}_{_started(pid)}_{secrets.token_hex(4)}"
    return f"{kind}-{digest[:16]}-{pid}-{owner}"


def collect(
    root: Path,
    max_age_seconds: float,
    is_whole: Callable[[str, str], bool],
    now: float | None = None,
) -> list[Path]:
    """Remove abandoned staging folders, and scratch folders that are old or done with."""
    now = time.time() if now is None else now
    doomed = [p for p in _folders(root / STAGING) if _abandoned(p, max_age_seconds, now)]
    for path in doomed:
        durable.remove_tree(path)
    for path in _folders(root / SCRATCH):
        kind, _, digest = path.name.rpartition("-")
        if _age_seconds(path, now) > max_age_seconds or is_whole(kind, digest):
            with locks.free(root / locks.LOCKS / path.name) as is_free:
                if is_free:
                    durable.remove_tree(path)
                    doomed.append(path)
    for path in _files(root / locks.LOCKS, "*"):  # of killed runs that nobody came after
        kind, _, digest = path.name.rpartition("-")
        if _age_seconds(path, now) > max_age_seconds or is_whole(kind, digest):
            with locks.free(path):
                pass
    for folder in (root, root / INDEX):  # of small files whose writer was killed
        for path in _files(folder, f".*{durable.PART}"):
            if _age_seconds(path, now) > max_age_seconds:
                path.unlink(missing_ok=True)
    return doomed


def _abandoned(path: Path, max_age_seconds: float, now: float) -> bool:
    name = _NAME.fullmatch(path.name)
    if name is not None and name["host"] == _host():
        return not _lives(int(name["pid"]), int(name["started"]))
    return _age_seconds(path, now) > max_age_seconds


def _lives(pid: int, started: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, as another user
    return _started(pid) in (started, 0) or started == 0


def _host() -> str:
    namespace = ""
    with contextlib.suppress(OSError):  # absent outside Linux
        namespace = str(Path("/proc/self/ns/pid").readlink())
    machine = ""
    with contextlib.suppress(OSError):  # absent in many containers
        machine = MACHINE_ID.read_text().strip()
    told = f"{socket.gethostname()} {machine} {locks.boot_id()} {namespace}"
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _started(pid: int) -> int:
    """Start of a process in clock ticks since boot; 0 where the system doesn't say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # The command's name, in parentheses, may hold spaces: count from its end. Field 22 of 52.
    return int(stat.rpartition(b")")[2].split()[19])


def _age_seconds(path: Path, now: float) -> float:
    """Of a file, or of the newest of a folder's; one that is gone is not old."""
    newest = 0.0
    for root, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                newest = max(newest, (Path(root) / name).lstat().st_mtime)
    try:
        return now - max(newest, path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def _folders(parent: Path) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir()) if parent.is_dir() else []


def _files(parent: Path, pattern: str) -> list[Path]:
    return sorted(parent.glob(pattern))
