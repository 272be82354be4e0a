"""The world outside a sandbox: what programs inside try to read, change, reach or kill.

Whether a program got through is seen from here: a token that stands nowhere else, a file that has
changed, a connection, a process that is gone.
"""

import contextlib
import dataclasses
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VICTIM = """
import ctypes, os, sys, time
token = ctypes.create_string_buffer(os.environ["TOKEN"].encode())
print(ctypes.addressof(token), flush=True)
sys.stdin.read()  # ends with its owner
"""
# Numbers of system calls: x86-64, arm64.
CALLS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "unshare": (272, 97),
    "mount": (165, 40),
    "pivot_root": (155, 41),
    "setns": (308, 268),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "name_to_handle_at": (303, 264),
    "syslog": (103, 116),
    "personality": (135, 92),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "prctl": (157, 167),
    "umount2": (166, 39),
    "getpid": (39, 172),
    "tgkill": (234, 131),
    "timerfd_create": (283, 85),
    "eventfd2": (290, 19),
}


class Listeners:
    """Sockets of each kind, and what came to them."""

    def __init__(self, folder: Path) -> None:
        self._heard: set[str] = set()
        self._open: dict[str, socket.socket] = {}
        self.path = str(folder / "socket")
        self.abstract = f"crawl2chat-{secrets.token_hex(8)}"
        self.tcp = self._listen("tcp", socket.AF_INET, ("127.0.0.1", 0))
        self.tcp6 = self._listen("tcp6", socket.AF_INET6, ("::1", 0))
        self.udp = self._listen("udp", socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)
        self._listen("unix", socket.AF_UNIX, self.path)
        Path(self.path).chmod(0o777)
        self._listen("abstract", socket.AF_UNIX, "\0" + self.abstract)

    def _listen(
        self, name: str, family: int, place: Any, kind: int = socket.SOCK_STREAM
    ) -> int | None:
        one = socket.socket(family, kind)
        try:
            one.bind(place)
        except OSError:  # no IPv6 here
            one.close()
            return None
        if kind == socket.SOCK_STREAM:
            one.listen()
        one.setblocking(False)
        self._open[name] = one
        return one.getsockname()[1] if family in (socket.AF_INET, socket.AF_INET6) else None

    @property
    def heard(self) -> set[str]:
        """What something has come to so far. The kernel keeps it for us: there is no waiting."""
        for name, one in self._open.items():
            with contextlib.suppress(OSError):
                while True:
                    if one.type == socket.SOCK_STREAM:
                        one.accept()[0].close()
                    else:
                        one.recv(64)
                    self._heard.add(name)
        return self._heard

    def close(self) -> None:
        for one in self._open.values():
            one.close()


class Victim:
    """A process of this user with a secret in its environment and in its memory."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", VICTIM],
            env={"TOKEN": self.token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self.address = int(self._process.stdout.readline())

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@dataclasses.dataclass
class Outside:
    """One attempt's surroundings, new for each."""

    folder: Path
    listeners: Listeners
    victim: Victim
    token: str
    marker: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        """Files that anybody may read and folders that anybody may write: only the sandbox is
        in the way of one who is nobody.
        """
        self.folder.chmod(0o755)
        self.secret = self.folder / "secret"
        self.secret.write_text(self.token)
        (self.folder / "home" / ".ssh").mkdir(parents=True)
        (self.folder / "home" / ".ssh" / "id_ed25519").write_text(self.token)
        self.open = self.folder / "open"
        self.open.mkdir()
        self.open.chmod(0o777)
        self.file = self.open / "file"
        self.file.write_text("as it was")
        self.file.chmod(0o666)
        os.utime(self.file, (1_000_000_000, 1_000_000_000))
        self.shared = Path(f"/dev/shm/crawl2chat-{self.marker}")

    @property
    def made(self) -> set[str]:
        """What has come into the open folder."""
        return {path.name for path in self.open.iterdir()} - {"file"}

    @property
    def facts(self) -> dict[str, Any]:
        """What a program is told, so that it need not search."""
        return {
            "marker": self.marker,
            "secret": str(self.secret),
            "home": str(self.folder / "home"),
            "open": str(self.open),
            "file": str(self.file),
            "shared": str(self.shared),
            "victim": self.victim.pid,
            "address": self.victim.address,
            "owner": os.getpid(),
            "tcp": self.listeners.tcp,
            "tcp6": self.listeners.tcp6,
            "udp": self.listeners.udp,
            "unix": self.listeners.path,
            "abstract": self.listeners.abstract,
            "library": str(Path(os.__file__).parent),
            "nr": {
                name: numbers[os.uname().machine == "aarch64"] for name, numbers in CALLS.items()
            },
        }


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach; pytest's own are closed to others."""
    place = Path(tempfile.mkdtemp(prefix="crawl2chat-outside-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
