"""Programs in Monty: a part of Python, interpreted in Rust by worker processes of its own.

In: a program's text. Out: how it ran. The interpreter has no way to files, sockets, processes or
the environment: there is nothing to forbid. Its workers outlive programs; a session doesn't.
"""

import os
from typing import Any

from pipeline.tools import last_expression, program_run
from pipeline.tools.bounded_text import BoundedText
from pipeline.tools.config import PythonConfig
from pipeline.tools.program_run import ProgramRun
from pipeline.tools.tool import ToolFault
from storage.errors import UserError

GRACE_SECONDS = 1.0  # in which the interpreter may stop itself before its process is killed
FLOOD = 256  # times the output that is kept: what is printed beyond isn't even counted
RECURSION = 1_000  # calls, as CPython's


class MontyPool:
    """The worker processes. For several threads at a time."""

    def __init__(self, config: PythonConfig, processes: int) -> None:
        """Start them.

        Raises:
            UserError: pydantic-monty isn't installed, or its program doesn't start.
        """
        try:
            import pydantic_monty
        except ImportError as error:
            raise UserError(
                "Python by `monty` needs the package pydantic-monty (pip install pydantic-monty), "
                f"or take `cpython`: {error}"
            ) from error
        self._monty: Any = pydantic_monty
        self._config = config
        self._owner = os.getpid()
        self._pool = pydantic_monty.Monty(
            min_processes=1,
            max_processes=processes,
            request_timeout=config.limits.seconds + 2 * GRACE_SECONDS,
            feed_duration_limit_grace=GRACE_SECONDS,
        )
        try:
            self._pool.__enter__()
        except (OSError, RuntimeError, pydantic_monty.MontyError) as error:
            raise UserError(f"Monty doesn't start here: {error}") from error

    def run(self, program: str) -> ProgramRun:
        """Run a program.

        Raises:
            ToolFault: no worker could be had.
        """
        if os.getpid() != self._owner:
            raise ToolFault("the sandbox belongs to the process that this one is a fork of")
        limits = self._config.limits
        printed = BoundedText(limits.output_bytes)
        session = self._pool.checkout(
            limits={
                "max_feed_duration_secs": limits.seconds,
                "max_memory": limits.memory_mib << 20,
                "max_recursion_depth": RECURSION,
            },
            # Sleeping would not count as time; the system's entropy would make each run another.
            os_policy={"sleep": "zero", "random_start": {"seed": self._config.seed}},
        )
        try:
            with session:
                value = self._value(session, program, printed)
        except Exception as error:
            return self._failed(error, printed, lines=program.count("\n") + 1)
        return ProgramRun(printed.text, value)

    def close(self) -> None:
        """End the worker processes."""
        if os.getpid() == self._owner:  # not in a fork of who started them
            self._pool.__exit__(None, None, None)

    def _value(self, session: Any, program: str, printed: BoundedText) -> str:
        """Run a program; the text of its last expression's value."""
        flood = FLOOD * self._config.limits.output_bytes

        def take(_: str, text: str) -> None:
            if printed.total_bytes <= flood:
                printed.add(text.encode(errors="replace"))

        whole = last_expression.shown(program, self._config.limits.output_bytes)
        if whole is not None:
            try:
                return str(session.feed_run(whole, print_callback=take) or "")
            except self._monty.MontySyntaxError:
                pass  # nothing has run: its last statement is none that has a value
        # No value comes back: it could be one that fills this process' memory when it is shown.
        session.feed_run(f"{program}\nNone", print_callback=take)
        return ""

    def _failed(self, error: Exception, printed: BoundedText, lines: int) -> ProgramRun:
        """How a program ended that did not end well.

        Raises:
            ToolFault: it was not the program's fault.
        """
        limits = self._config.limits
        said = str(error)
        kind = said.partition(":")[0]
        if isinstance(error, self._monty.MontyCrashedError):
            if not error.timed_out:
                return ProgramRun(printed.text, error="the interpreter crashed")
            return ProgramRun(printed.text, error=program_run.too_long(limits), limit=True)
        if isinstance(error, self._monty.MontySyntaxError):
            said = f"SyntaxError: {said}"
        elif not isinstance(error, self._monty.MontyRuntimeError):
            raise ToolFault(f"Monty failed: {type(error).__name__}: {said}") from error
        elif kind == "TimeoutError" and "time limit exceeded" in said:
            return ProgramRun(printed.text, error=program_run.too_long(limits), limit=True)
        elif kind == "MemoryError":
            error_text = program_run.too_much_memory(limits)
            return ProgramRun(printed.text, error=error_text, limit=True)
        places = [frame.line for frame in error.traceback() if frame.line <= lines]
        return ProgramRun(printed.text, error=f"{said} (line {places[-1]})" if places else said)
