"""The filter, run here instruction by instruction: for both kinds of machine, without either."""

import errno
import re
from pathlib import Path

import pytest

from pipeline.tools.sandbox import seccomp
from pipeline.tools.sandbox.call_numbers import AARCH64, NUMBERS, X86_64

ALLOW = 0x7FFF_0000
KILL = 0x8000_0000
ARCHITECTURE = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
MACHINES = [*NUMBERS]


def refusal(number: int) -> int:
    return 0x0005_0000 | number


def answer(machine: str, call: str | int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says to a system call."""
    numbers = NUMBERS[machine]
    number = numbers[call] if isinstance(call, str) else call
    data = {0: number, 4: ARCHITECTURE[machine] if architecture is None else architecture}
    for at in range(6):
        value = arguments[at] if at < len(arguments) else 0
        data[16 + 8 * at], data[20 + 8 * at] = value & 0xFFFF_FFFF, value >> 32 & 0xFFFF_FFFF
    steps = list(seccomp._steps(numbers, ARCHITECTURE[machine]))
    register = at = 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            register = data[value]
        else:
            holds = {0x15: register == value, 0x45: bool(register & value)}[code]
            at += if_true if holds else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_what_computing_needs_is_allowed(machine: str) -> None:
    for call in ("read", "write", "mmap", "munmap", "brk", "exit_group", "clock_gettime", "futex"):
        assert answer(machine, call) == ALLOW
    assert answer(machine, "openat", -100, 0, 0o2000000) == ALLOW  # O_CLOEXEC
    assert answer(machine, "clone", 0x3D0F00) == ALLOW  # a thread, as libc makes them
    assert answer(machine, "fcntl", 1, 1030) == ALLOW
    assert answer(machine, "prlimit64", 0, 7, 0, 1 << 40) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("flags", [1, 2, 0o100, 0o1000, 0o2000, 0o20000000, 0o101, 0o2000001])
def test_files_are_opened_for_reading_alone(machine: str, flags: int) -> None:
    """O_APPEND alone is harmless without a right to write."""
    wanted = ALLOW if flags == 0o2000 else refusal(errno.EACCES)
    assert answer(machine, "openat", -100, 0, flags) == wanted
    if machine == "x86_64":
        assert answer(machine, "open", 0, flags) == wanted


@pytest.mark.parametrize("machine", MACHINES)
def test_special_calls(machine: str) -> None:
    no = refusal(errno.EPERM)
    assert answer(machine, "clone", 17) == no  # fork
    assert answer(machine, "clone", 0x1000_0000 | 17) == no
    assert answer(machine, "clone", 0x3D0F00 | 0x1000_0000) == no  # a thread in new namespaces
    assert answer(machine, "clone3") == refusal(errno.ENOSYS)
    assert answer(machine, "ioctl", 0, 0x5412) == refusal(errno.ENOTTY)  # TIOCSTI
    for command in (5, 8, 15, 1024, 1033):  # locks, owner of signals, leases, seals
        assert answer(machine, "fcntl", 1, command) == no
    for arguments in ((1, 7, 0, 0), (0, 7, 1 << 40, 0), (1 << 32, 7, 0, 0), (0, 7, 1, 0)):
        assert answer(machine, "prlimit64", *arguments) == no


@pytest.mark.parametrize("machine", MACHINES)
def test_all_other_calls_are_refused(machine: str) -> None:
    known = {*NUMBERS[machine].values()}
    for number in {*range(600)} - known:
        assert answer(machine, number) == refusal(errno.EPERM), number
    assert len(known) < 90


def test_other_kinds_of_calls() -> None:
    """Numbers of another architecture mean other calls; those of x32 have a bit of their own."""
    assert answer("x86_64", "read", architecture=0x4000_0003) == KILL  # i386
    assert answer("aarch64", "read", architecture=ARCHITECTURE["x86_64"]) == KILL
    assert answer("x86_64", 0x4000_0000) == refusal(errno.EPERM)
    assert answer("x86_64", 0xFFFF_FFFF) == refusal(errno.EPERM)


def test_what_is_dangerous_stands_in_no_table() -> None:
    names = {*X86_64} | {*AARCH64}
    calls = (
        "socket connect sendto fork vfork execve kill tgkill ptrace unshare setns mount prctl "
        "seccomp bpf io_uring_setup keyctl memfd_create setuid chroot unlink rename mkdir chmod "
        "process_vm_readv pidfd_open openat2 setrlimit shmget sendfile"
    )
    assert names & {*calls.split()} == set()


def test_the_numbers_are_the_headers() -> None:
    """Where the kernel's headers are installed."""
    places = list(Path("/usr/include").glob("**/asm/unistd_64.h"))
    shared_file = Path("/usr/include/asm-generic/unistd.h")
    if not places or not shared_file.is_file():
        pytest.skip("no headers of the kernel")
    text = places[0].read_text()
    found = {name: int(n) for name, n in re.findall(r"#define __NR_(\w+) (\d+)", text)}
    if found.get("read") == 0:
        assert {name: found[name] for name in X86_64} == X86_64
    numbers = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", shared_file.read_text())
    shared: dict[str, int] = {}
    for name, number in numbers:
        shared.setdefault(name, int(number))
    shared["newfstatat"] = shared["fstatat"]
    assert {name: shared[name] for name in AARCH64} == AARCH64


def test_a_machine_without_a_table_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="no table of system calls for riscv64"):
        seccomp.computing_alone()
