"""Where too little isolates programs they aren't run; what the zygote can't do is said."""

import os
import signal
import sys

import pytest

from pipeline.tools import fork_server
from pipeline.tools.config import PythonConfig, ToolLimits
from pipeline.tools.fork_server import ForkServer, check_layers, layers_here
from pipeline.tools.python_tool import python_tool
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
import errno, os, runpy, sys
from pipeline.tools.sandbox import landlock, namespaces, seccomp, system_calls
def refuse(*arguments):
    raise OSError(errno.EPERM, "Operation not permitted")
for name in os.environ["REFUSED"].split():
    module, _, function = name.partition(".")
    setattr(globals()[module], function, refuse)
sys.argv = ["zygote", sys.argv[-1]]
runpy.run_module("pipeline.tools.sandbox.zygote", run_name="__main__")
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
    plain = fork_server.subprocess.Popen

    def started(command: list[str], **options: object) -> object:
        environment = {**options.pop("env"), "REFUSED": refused}  # type: ignore[dict-item]
        at = command.index("-m")
        command = [*command[:at], "-c", REFUSING, command[-1]]
        return plain(command, env=environment, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(fork_server.subprocess, "Popen", started)
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
    monkeypatch.setattr(fork_server.sys, "executable", "/bin/false")
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
    owner = fork_server.subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=fork_server.subprocess.PIPE,
        stdout=fork_server.subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    zygote = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    for _ in range(600):
        try:
            os.kill(zygote, 0)
        except ProcessLookupError:
            return
        fork_server.time.sleep(0.1)
    pytest.fail("the zygote outlives its owner")
