"""Where too little isolates programs they aren't run; what the zygote can't do is said."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.tools import fork_server
from pipeline.tools.bounded_text import BoundedText
from pipeline.tools.config import PythonConfig, ToolLimits
from pipeline.tools.fork_server import ForkServer, check_layers, layers_here
from pipeline.tools.python_tool import python_tool
from pipeline.tools.sandbox import wire
from pipeline.tools.sandbox.layers import LAYERS, LayerReport
from pipeline.tools.tool import ToolFault
from storage.errors import UserError

NAMESPACES = ("user", "network", "pid", "mount")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own")


@pytest.mark.parametrize(
    ("held", "isolating"),
    [
        (LAYERS, ("namespaces", "Landlock", "seccomp")),
        ((*NAMESPACES, "seccomp"), ("namespaces", "seccomp")),
        (("landlock", "seccomp", "user", "pid", "mount"), ("Landlock", "seccomp")),
        (("landlock", "environment", "limits", "privileges", "descriptors"), ("Landlock",)),
        ((), ()),
    ],
)
def test_two_of_three_must_hold(held: tuple[str, ...], isolating: tuple[str, ...]) -> None:
    report = LayerReport(held, {"mount": "refused"})
    assert report.isolating == isolating
    config = PythonConfig("cpython")
    if len(isolating) >= 2:
        check_layers(report, config)
    else:
        with pytest.raises(UserError, match="needs 2 of namespaces, Landlock, seccomp") as caught:
            check_layers(report, config)
        assert "mount: refused" in str(caught.value)
        assert "\n" not in str(caught.value)
        check_layers(report, PythonConfig("cpython", least_isolating=len(isolating)))


@linux
def test_a_machine_with_less_is_refused_unless_told() -> None:
    less = ("environment", "descriptors", "privileges", "landlock", "limits")
    with pytest.raises(UserError, match=r"take `monty`, or say fewer in `least_isolating`"):
        python_tool(PythonConfig("cpython", layers=less, processes=1))
    told = PythonConfig("cpython", layers=less, processes=1, least_isolating=0)
    tool = python_tool(told)
    assert tool.call({"code": "1 + 1"}) == "2"
    tool.close()


def test_another_system_is_told_what_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UserError, match=r"needs Linux, not darwin: take `monty`"):
        ForkServer(PythonConfig("cpython"))


@linux
def test_the_report_says_what_is_off_and_why() -> None:
    report = layers_here(PythonConfig("cpython", layers=("environment", "limits")))
    assert report.held == ("environment", "limits")
    assert report.absent == dict.fromkeys(set(LAYERS) - {"environment", "limits"}, "switched off")
    assert "environment, limits hold (not " in report.described
    assert "landlock: switched off" in report.described


# What a kernel or a container refuses, seen from inside: the zygote's own calls fail.
REFUSING = """
import errno, os, sys
sys.path.append(sys.argv[1])
from pipeline.tools.sandbox import landlock, namespaces, seccomp, system_calls, zygote
def refuse(*arguments):
    raise OSError(errno.EPERM, "Operation not permitted")
for name in os.environ["REFUSED"].split():
    module, _, function = name.partition(".")
    setattr(globals()[module], function, refuse)
zygote.main(sys.argv[2])
"""


@linux
@pytest.mark.parametrize(
    ("refused", "lost", "enough"),
    [
        ("system_calls.unshare", {*NAMESPACES}, True),
        ("namespaces.new_users", {"user"}, True),
        ("landlock.version", {"landlock"}, True),
        ("landlock.restrict", {"landlock"}, True),
        ("seccomp.restrict", {"seccomp"}, True),
        ("namespaces.new_files", {"mount"}, True),
        ("system_calls.unshare landlock.version", {*NAMESPACES, "landlock"}, False),
        ("system_calls.unshare seccomp.computing_alone", {*NAMESPACES, "seccomp"}, False),
        ("landlock.version seccomp.restrict", {"landlock", "seccomp"}, False),
    ],
)
def test_what_a_machine_refuses_is_reported_and_the_rest_holds(
    refused: str, lost: set[str], enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = layers_here(PythonConfig("cpython"))
    if every.absent:
        pytest.skip(f"this machine itself refuses layers: {every.described}")
    plain = subprocess.Popen

    def started(command: list[str], **options: object) -> object:
        environment = {**options.pop("env"), "REFUSED": refused}  # type: ignore[dict-item]
        at = command.index("-c")
        command = [*command[: at + 1], REFUSING, *command[at + 2 :]]
        return plain(command, env=environment, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", started)
    server = ForkServer(PythonConfig("cpython"))
    missing = set(server.report.absent)
    # As another user than root, who alone has the right, a missing user namespace is all of them.
    assert lost <= missing <= lost | {*NAMESPACES}
    assert all("Operation not permitted" in why for why in server.report.absent.values())
    assert server.run("40 + 2").value == "42"
    if enough:
        kind = server.run("open('/etc/passwd')").error.partition(":")[0]
        assert kind in ("PermissionError", "FileNotFoundError")
    server.close()
    if enough:
        check_layers(server.report, PythonConfig("cpython"))
    else:
        with pytest.raises(UserError, match=r"needs 2 of"):
            check_layers(server.report, PythonConfig("cpython"))


@linux
def test_a_zygote_that_does_not_start_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match="the sandbox's process didn't start"):
        ForkServer(PythonConfig("cpython"))


@linux
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_zygote_that_is_gone_or_hangs_is_a_fault(
    end: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "GRACE_SECONDS", 0.5)
    # Without a namespace of processes of its own it is the process that was started.
    layers = tuple(name for name in LAYERS if name != "pid")
    limits = ToolLimits(seconds=0.5)
    server = ForkServer(PythonConfig("cpython", layers=layers, limits=limits))
    os.kill(server._process.pid, end)
    with pytest.raises(ToolFault):
        server.run("1")
    server.close()
    assert server._process.returncode is not None


@linux
def test_nothing_is_left_of_a_program_when_its_owner_ends() -> None:
    """The owner is killed while a program runs: its zygote, and the program, end as well."""
    code = (
        "import sys, threading\n"
        "from pipeline.tools.config import PythonConfig, ToolLimits\n"
        "from pipeline.tools.fork_server import ForkServer\n"
        "server = ForkServer(PythonConfig('cpython', limits=ToolLimits(seconds=600)))\n"
        "threading.Thread(target=server.run, args=('while True: pass',), daemon=True).start()\n"
        "print(server._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    zygote = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    assert gone(zygote)


def gone(pid: int) -> bool:
    """Whether a process ends within a minute."""
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


WEAK = PythonConfig("cpython", layers=("environment", "descriptors"), least_isolating=0)


@linux
def test_what_a_program_leaves_running_ends_with_it_without_a_namespace_too() -> None:
    server = ForkServer(WEAK)
    program = (
        "import os, time\nchild = os.fork()\n"
        "if not child:\n    time.sleep(600)\n    os._exit(0)\nprint(child)"
    )
    assert gone(int(server.run(program).printed))
    assert server.run("1").value == "1"
    server.close()


@linux
def test_a_program_ends_with_its_zygote_without_a_namespace_too() -> None:
    says, said = os.pipe()
    os.set_inheritable(said, True)
    layers = ("environment",)  # a descriptor tells its number
    limits = ToolLimits(seconds=600)
    server = ForkServer(PythonConfig("cpython", layers=layers, limits=limits, least_isolating=0))
    program = f"import os\nos.write({said}, str(os.getpid()).encode())\nwhile True: pass"
    with ThreadPoolExecutor() as pool:
        running = pool.submit(server.run, program)
        pid = int(os.read(says, 99))
        server._process.kill()
        with pytest.raises(ToolFault):
            running.result()
    assert gone(pid)
    server.close()
    os.close(says)
    os.close(said)


@linux
def test_what_a_program_leaves_running_ends_with_its_namespace() -> None:
    """Also what has left its group: the next program is alone."""
    server = ForkServer(PythonConfig("cpython", layers=("user", "pid"), least_isolating=0))
    if server.report.absent.keys() & {"user", "pid"}:
        pytest.skip(f"no namespace of processes here: {server.report.described}")
    server.run("import os, time\nif not os.fork():\n    os.setsid()\n    time.sleep(600)")
    alone = (
        "import os\nfound = []\nfor number in range(1, 300):\n    try: os.kill(number, 0)\n"
        "    except OSError: continue\n    found.append(number)\nfound"
    )
    assert server.run(alone).value == "[1]"
    server.close()


@linux
def test_the_zygote_itself_has_none_of_its_owners_descriptors(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch()
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        for layers, count in ((("descriptors",), 0), ((), 1)):
            server = ForkServer(PythonConfig("cpython", layers=layers, least_isolating=0))
            held = Path(f"/proc/{server._process.pid}/fd").iterdir()
            assert sum(str(one.readlink()) == str(secret) for one in held) == count
            server.close()


@linux
def test_the_file_tree_is_read_only_by_itself() -> None:
    server = ForkServer(PythonConfig("cpython", layers=("user", "mount"), least_isolating=0))
    if server.report.absent.keys() & {"user", "mount"}:
        pytest.skip(f"no mount namespace here: {server.report.described}")
    for place in ("/left", os.__file__.replace("os.py", "left.py")):
        assert "Read-only file system" in server.run(f"open({place!r}, 'w')").error
    assert server.run("import os\nsorted(os.listdir('/'))").value == repr(
        [os.__file__.split("/")[1]]
    )
    server.close()


@linux
def test_a_stop_that_comes_too_late_stops_nothing() -> None:
    server = ForkServer(PythonConfig("cpython", limits=ToolLimits(seconds=20)))
    for number in range(3):
        server._control.send(wire.STOP)
        assert server.run(f"{number}").value == str(number)
    server.close()


@linux
def test_what_floods_is_stopped_before_its_time() -> None:
    limits = ToolLimits(seconds=600, output_bytes=256)
    server = ForkServer(PythonConfig("cpython", limits=limits))
    for program in (
        "while True: print('x' * 1000)",
        "import os\nwhile True: os.write(3, b'v' * 99)",
    ):
        done = server.run(program)
        assert done.error == "stopped, since it printed too much"
        assert done.limit
    server.close()


@linux
def test_the_zygote_loses_no_descriptor_either() -> None:
    """Seen by forks to which its descriptors are left."""
    server = ForkServer(PythonConfig("cpython", layers=("environment",), least_isolating=0))
    program = (
        "import os\ncount = 0\nfor number in range(300):\n    try: os.fstat(number)\n"
        "    except OSError: continue\n    count += 1\ncount"
    )
    assert len({server.run(program).value for _ in range(5)}) == 1
    server.close()


@linux
def test_no_descriptor_is_lost_by_many_calls() -> None:
    server = ForkServer(PythonConfig("cpython", limits=ToolLimits(seconds=20)))
    server.run("1")
    before = len([*Path("/proc/self/fd").iterdir()])
    for program in ("1", "1 / 0", "import os; os._exit(1)") * 5:
        server.run(program)
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    server.close()


@pytest.mark.parametrize(
    ("code", "timed_out", "outcome", "error", "limit"),
    [
        (0, False, "rv2", "", False),
        (-9, True, "r", "stopped after 2 seconds", True),
        (-9, False, "r", "killed: it took too much processor time or memory", True),
        (-11, False, "r", "the interpreter crashed (SIGSEGV)", False),
        (0, False, "rm", "MemoryError: the program may take 128 MiB", True),
        (0, False, "reNo", "No", False),
        (0, False, "rf", "the program ended the interpreter", False),
        (1, False, "r", "the program ended the interpreter", False),
        (0, False, "rn", "", False),
    ],
)
def test_how_a_program_ended(
    code: int, timed_out: bool, outcome: str, error: str, limit: bool
) -> None:
    written = BoundedText(1000)
    written.add(outcome.encode())
    answer = {"code": code, "timed_out": timed_out, "flooded": False}
    run = fork_server._run_of(answer, BoundedText(1000), written, PythonConfig("cpython"))
    assert (run.error, run.limit) == (error, limit)
    assert run.value == ("2" if outcome == "rv2" else "")


@pytest.mark.parametrize("said", [{"fault": "no fork: EAGAIN"}, {"code": 0}])
def test_what_is_no_programs_doing_is_a_fault(said: dict[str, object]) -> None:
    written = BoundedText(1000)
    written.add(b"fOSError: no")
    with pytest.raises(ToolFault, match=r"no fork: EAGAIN|OSError: no"):
        fork_server._run_of(said, BoundedText(1000), written, PythonConfig("cpython"))
