"""Namespaces: a process gets users, a network, process numbers and a file tree of its own.

In order: the user namespace first, since without root only its owner may make the others. Anything
that a machine refuses raises OSError; the caller reports it.
"""

import contextlib
import ctypes
import os
from pathlib import Path

from pipeline.tools.sandbox import system_calls

NOBODY = 65_534
INNER = 1_000  # the user's number inside; any but root's
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
# MOUNT_ATTR_RDONLY, NOSUID, NODEV
_SHUT = 1 | 2 | 4


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")
    )


def leave_root() -> None:
    """Become nobody, if this is root: in a user namespace the user outside still owns its files."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # Else /proc/self would still be root's, and there the user namespace is described.
        system_calls.prctl(system_calls.PR_SET_DUMPABLE, 1, "prctl")


def new_users() -> None:
    """Enter a user namespace; where /proc can be written, no further ones can be made in it."""
    uid, gid = os.geteuid(), os.getegid()
    system_calls.unshare(system_calls.CLONE_NEWUSER, "user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INNER} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{INNER} {gid} 1")
    with contextlib.suppress(OSError):  # read-only in containers: then seccomp alone forbids more
        Path("/proc/sys/user/max_user_namespaces").write_text("0")


def new_network() -> None:
    """Enter a network namespace, whose only interface is down, and one of host names."""
    system_calls.unshare(system_calls.CLONE_NEWNET, "network namespace")
    system_calls.unshare(system_calls.CLONE_NEWUTS, "host name's namespace")


def new_processes() -> int:
    """Enter namespaces of processes (the next fork is in it) and of shared memory.

    Returns:
        The process number of the fork to the parent, 0 to the fork.
    """
    system_calls.unshare(system_calls.CLONE_NEWIPC, "shared memory's namespace")
    system_calls.unshare(system_calls.CLONE_NEWPID, "namespace of processes")
    return os.fork()


def fork_into_new(home: int) -> int:
    """Fork into a namespace of processes in which the fork is alone.

    Args:
        home: a descriptor of this process's own namespace, to which later forks belong again.
    """
    system_calls.unshare(system_calls.CLONE_NEWPID, "namespace of processes")
    try:
        return os.fork()
    finally:
        # In the fork it fails: it has no rights there any more, and needs none.
        system_calls.libc().setns(ctypes.c_int(home), ctypes.c_int(system_calls.CLONE_NEWPID))


def new_files(folder: Path) -> None:
    """Enter a mount namespace whose file tree holds one folder, at its path, and can't be written.

    Args:
        folder: the one. It must be the current directory: as another user than root, the folders
            above it may be closed to this process.
    """
    system_calls.unshare(system_calls.CLONE_NEWNS, "mount namespace")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    root = "/tmp"  # noqa: S108 - covered by a file system of its own, seen by this process alone
    # By descriptor, since /tmp may lie above the folder.
    inside = os.open(".", os.O_PATH | os.O_DIRECTORY)
    _mount("none", root, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "size=64k,mode=755")
    place = Path(root) / folder.relative_to("/")
    place.mkdir(parents=True)
    _mount(f"/proc/self/fd/{inside}", str(place), None, _MS_BIND | _MS_REC)
    os.close(inside)
    os.chdir(root)
    number = _pivot_root()
    system_calls.system_call(number, "pivot_root", b".", b".")
    system_calls.checked(system_calls.libc().umount2(b".", _MNT_DETACH), "umount")
    os.chdir("/")
    shut = _MountAttributes(set=_SHUT)
    system_calls.system_call(
        system_calls.MOUNT_SETATTR,
        "mount_setattr",
        _AT_FDCWD,
        b"/",
        _AT_RECURSIVE,
        ctypes.byref(shut),
        ctypes.sizeof(shut),
    )


def _pivot_root() -> int:
    return {"x86_64": 155, "aarch64": 41}[os.uname().machine]


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    passed = [None if text is None else text.encode() for text in (source, target, kind, options)]
    result = system_calls.libc().mount(*passed[:3], ctypes.c_ulong(flags), passed[3])
    system_calls.checked(result, f"mount of {target}")
