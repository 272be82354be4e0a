"""Python as a tool: programs that a model writes, by one of two back-ends.

`monty` starts in milliseconds, runs on every system and knows a part of the language and few
modules. `cpython` is all of it with the standard library, on Linux where enough isolates it.
"""

import queue
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from pipeline import cores
from pipeline.tools import fork_server, program_run
from pipeline.tools.config import PythonConfig
from pipeline.tools.fork_server import ForkServer
from pipeline.tools.monty_pool import MontyPool
from pipeline.tools.program_run import ProgramRun
from pipeline.tools.tool import Tool

# As short as the calculator's, for the same reason.
DESCRIPTION = "Runs a program: what it prints, then its last value."


class Runner(Protocol):
    """What runs programs, for several threads at a time."""

    def run(self, program: str) -> ProgramRun: ...

    def close(self) -> None: ...


class ForkServers:
    """Some zygotes, each of which runs one program at a time; started as they are needed."""

    def __init__(self, config: PythonConfig, processes: int) -> None:
        """Start the first.

        Raises:
            UserError: too little isolates programs on this machine, or it is no Linux.
        """
        self._config = config
        self._lock = threading.Lock()
        self._started: list[ForkServer] = []
        self._free: queue.LifoQueue[ForkServer | None] = queue.LifoQueue()
        for _ in range(processes - 1):
            self._free.put(None)  # a place for one
        first = self._start()
        self.report = first.report
        self._free.put(first)

    def run(self, program: str) -> ProgramRun:
        """Run a program.

        Raises:
            ToolFault: none could be started, or it failed. The next program gets a new one.
        """
        server = self._free.get()
        try:
            server = server or self._start()
            done = server.run(program)
        except BaseException:
            if server is not None:
                self._end(server)
            self._free.put(None)
            raise
        self._free.put(server)
        return done

    def close(self) -> None:
        """End all processes."""
        for server in list(self._started):
            self._end(server)

    def _start(self) -> ForkServer:
        server = ForkServer(self._config)
        with self._lock:
            self._started.append(server)
        try:
            fork_server.check_layers(server.report, self._config)
        except BaseException:
            self._end(server)
            raise
        return server

    def _end(self, server: ForkServer) -> None:
        with self._lock:
            self._started.remove(server)
        server.close()


def python_tool(config: PythonConfig) -> Tool:
    """The tool. It holds processes until its `close`.

    Raises:
        UserError: its back-end can't run here.
    """
    processes = config.processes or cores.cores()
    runner: Runner
    if config.backend == "monty":
        runner = MontyPool(config, processes)
    else:
        runner = ForkServers(config, processes)

    def call(arguments: Mapping[str, Any]) -> str:
        return program_run.text_of(runner.run(arguments["code"]), config.limits)

    return Tool(
        name="python",
        description=DESCRIPTION,
        parameters={
            "type": "object",
            "properties": {"code": {"type": "string"}},
            "required": ["code"],
        },
        call=call,
        limits=config.limits,
        close=runner.close,
    )
