"""Programs in CPython: each in a fork of a small process, behind the system's layers.

In: a program's text. Out: how it ran. The zygote (`pipeline.tools.sandbox.zygote`) is started once
and runs one program at a time; here its pipes are read, so that no program's text stays in it.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import pipeline
from pipeline.tools import program_run
from pipeline.tools.bounded_text import BoundedText
from pipeline.tools.config import PythonConfig
from pipeline.tools.program_run import ProgramRun
from pipeline.tools.sandbox import wire
from pipeline.tools.sandbox.layers import MEANING, LayerReport
from pipeline.tools.tool import ToolFault
from pipeline.worker.lifetime import signal_name
from storage.errors import UserError

START_SECONDS = 30.0  # for an interpreter to start, on a busy machine too
GRACE_SECONDS = 5.0  # beyond a program's own, then the zygote itself hangs
FLOOD = 256  # times the output that is kept: a program that prints more is stopped
_PIECE = 1 << 16
# Last on the path: what else lies in the folder of packages hides no module of the library.
_BEGIN = """
import sys
sys.path.append(sys.argv[1])
from pipeline.tools.sandbox import zygote
sys.exit(zygote.main(sys.argv[2]))
"""


class ForkServer:
    """One zygote. Not for several threads at a time."""

    def __init__(self, config: PythonConfig) -> None:
        """Start the process.

        Raises:
            UserError: this is no Linux, or the process doesn't start.
        """
        if not sys.platform.startswith("linux"):
            raise UserError(
                f"Python in a sandbox by `cpython` needs Linux, not {sys.platform}: take `monty`"
            )
        self._config = config
        self._owner = os.getpid()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = _start(config, theirs)
        finally:
            theirs.close()
        self._control.settimeout(START_SECONDS)
        said = self._answer()
        if not said:
            self.close()
            raise UserError("the sandbox's process didn't start: its error stands above")
        self.report = LayerReport(tuple(said["held"]), said["absent"])

    def run(self, program: str) -> ProgramRun:
        """Run a program.

        Raises:
            ToolFault: the zygote is gone or hangs; start another.
        """
        if os.getpid() != self._owner:
            raise ToolFault("the sandbox belongs to the process that this one is a fork of")
        limits = self._config.limits
        printed = BoundedText(limits.output_bytes)
        outcome = BoundedText(4 * limits.output_bytes)
        with contextlib.ExitStack() as pipes:
            ours, theirs = _pipes(pipes)
            try:
                socket.send_fds(self._control, [b"run"], [end.fileno() for end in theirs])
            except OSError as error:
                raise ToolFault(f"the sandbox's process is gone: {error}") from error
            for end in theirs:
                end.close()
            answer = self._followed(program.encode(errors="replace"), ours, printed, outcome)
        return _run_of(answer, printed, outcome, self._config)

    def close(self) -> None:
        """End the process and all that runs in it."""
        self._control.close()
        if os.getpid() != self._owner:  # a fork of who started it
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
            return
        self._process.kill()
        self._process.wait()

    def _followed(
        self, text: bytes, ours: Sequence[FileIO], printed: BoundedText, outcome: BoundedText
    ) -> dict[str, Any]:
        """Hand over the program and take what comes, until the zygote says how it ended."""
        into, out, end = ours
        texts = {out: printed, end: outcome}
        deadline = time.monotonic() + self._config.limits.seconds + GRACE_SECONDS
        flooded = False
        with selectors.DefaultSelector() as waiting:
            waiting.register(into, selectors.EVENT_WRITE)
            for source in (out, end, self._control):
                waiting.register(source, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in waiting.select(deadline - time.monotonic())]
                if not ready:
                    raise ToolFault("the sandbox's process hangs")
                if into in ready and not (text := _written(into, text)):
                    waiting.unregister(into)
                    into.close()  # a second time, by its stack, does nothing
                for source in texts.keys() & {*ready}:
                    if not _taken(source, texts[source]):
                        waiting.unregister(source)
                if printed.total_bytes + outcome.total_bytes > self._flood_bytes and not flooded:
                    flooded = True
                    self._control.send(wire.STOP)
                if self._control in ready:
                    answer = self._answer()
                    if not answer:
                        raise ToolFault("the sandbox's process ended")
                    for source, kept in texts.items():  # what was written before the end
                        while _taken(source, kept):
                            pass
                    return {**answer, "flooded": flooded}

    @property
    def _flood_bytes(self) -> int:
        return FLOOD * self._config.limits.output_bytes

    def _answer(self) -> dict[str, Any]:
        """The next message of the zygote; empty where it is gone."""
        try:
            answer: dict[str, Any] = json.loads(self._control.recv(_PIECE) or b"{}")
        except OSError:
            return {}
        return answer


def check_layers(report: LayerReport, config: PythonConfig) -> None:
    """Refuse a machine on which too little isolates programs.

    Raises:
        UserError: fewer than `least_isolating` of namespaces, Landlock and seccomp hold.
    """
    if len(report.isolating) < config.least_isolating:
        raise UserError(
            f"Python by `cpython` needs {config.least_isolating} of {', '.join(MEANING)} on this "
            f"machine, and here {report.described}: take `monty`, or say fewer in `least_isolating`"
        )


def layers_here(config: PythonConfig) -> LayerReport:
    """Which layers hold on this machine; starts a zygote for a moment.

    Raises:
        UserError: this is no Linux, or it can't start.
    """
    server = ForkServer(config)
    server.close()
    return server.report


def _start(config: PythonConfig, control: socket.socket) -> subprocess.Popen[bytes]:
    root = Path(pipeline.__file__).parents[1]
    settings = {
        "layers": config.layers,
        "seconds": config.limits.seconds,
        "memory_bytes": config.limits.memory_mib << 20,
        "value_characters": config.limits.output_bytes,
        "seed": config.seed,
    }
    environment = {"PYTHONHASHSEED": str(config.seed)}
    if "environment" not in config.layers:
        environment = {**os.environ, **environment}
    # Not -I, which would ignore the order of sets that the environment sets.
    flags = ["-P", "-S", "-s", "-B"]
    return subprocess.Popen(
        [sys.executable, *flags, "-c", _BEGIN, str(root), json.dumps(settings)],
        stdin=control.fileno(),
        stdout=subprocess.DEVNULL,
        env=environment,
        close_fds="descriptors" in config.layers,
        start_new_session=True,  # Ctrl-C is its owner's
    )


def _run_of(
    answer: dict[str, Any], printed: BoundedText, outcome: BoundedText, config: PythonConfig
) -> ProgramRun:
    limits = config.limits
    if fault := answer.get("fault"):
        raise ToolFault(f"the sandbox can't start programs: {fault}")
    entered, kind, said = outcome.text[:1], outcome.text[1:2], outcome.text[2:]
    if entered == wire.FAULT:
        raise ToolFault(f"the sandbox can't be entered: {outcome.text[1:]}")
    if answer["flooded"]:
        return ProgramRun(printed.text, error="stopped, since it printed too much", limit=True)
    if answer["timed_out"]:
        return ProgramRun(printed.text, error=program_run.too_long(limits), limit=True)
    if kind == wire.NO_MEMORY:
        return ProgramRun(printed.text, error=program_run.too_much_memory(limits), limit=True)
    if answer["code"] == -signal.SIGKILL:  # by rlimits or the system
        error = "killed: it took too much processor time or memory"
        return ProgramRun(printed.text, error=error, limit=True)
    if answer["code"] < 0:
        name = signal_name(-answer["code"])
        return ProgramRun(printed.text, error=f"the interpreter crashed ({name})")
    if kind == wire.VALUE:
        return ProgramRun(printed.text, value=said)
    if kind == wire.ERROR:
        return ProgramRun(printed.text, error=said)
    if kind == wire.NOTHING:
        return ProgramRun(printed.text)
    return ProgramRun(printed.text, error="the program ended the interpreter")


def _pipes(stack: contextlib.ExitStack) -> tuple[list[FileIO], list[FileIO]]:
    """Three pipes: our ends of the program's text, its output and its outcome, and the others.

    Each end closes once, whoever asks how often: its number may be another thread's by then.
    """
    ends = []
    for _ in range(3):
        read, write = os.pipe()
        ends.append((stack.enter_context(FileIO(read)), stack.enter_context(FileIO(write, "w"))))
    (text, into), (out, output), (end, outcome) = ends
    ours = [into, out, end]
    for one in ours:
        os.set_blocking(one.fileno(), False)
    return ours, [text, output, outcome]


def _written(pipe: FileIO, text: bytes) -> bytes:
    """What is left of a text; all of it is dropped where nobody reads any more."""
    try:
        return text[pipe.write(text) or 0 :]
    except BrokenPipeError:
        return b""


def _taken(pipe: FileIO, text: BoundedText) -> bool:
    """Take what has come; whether more can."""
    piece = pipe.read(_PIECE)
    text.add(piece or b"")
    return bool(piece)
