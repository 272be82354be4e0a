"""A stranger's query of the web pages: asked by a process that is ended when its time is over.

Each query has a process for itself. To start one takes half a second, for loading the database and
opening the lake's views; so one more is started beforehand, which has both and waits for its one
question.
"""

import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import threading

from flows.runner.environment import child_environment, command
from storage.errors import UserError
from storage.query_answer import TOO_MUCH_MEMORY, QueryAnswer, too_slow

MEMORY_BYTES = 1 << 30  # of a process; ours
START_SECONDS = 10.0  # that a busy machine may take to start Python
AT_A_TIME = 2  # the others wait; ours
# Before one is started beforehand: the page that says so is drawn first. Ours.
LATER_SECONDS = 0.3
MOST_CHARACTERS = 20_000  # of SQL; ours


class QueryProcesses:
    """Starts them.

    Args:
        lake: its address.
        seconds: that a query may take, apart from starting a process.
    """

    def __init__(self, lake: str, seconds: float) -> None:
        self.lake, self.seconds = lake, seconds
        self._free = threading.BoundedSemaphore(AT_A_TIME)
        self._lock = threading.Lock()
        self._spare: _QueryProcess | None = None
        self._start: threading.Timer | None = None  # of the next one
        self._is_closed = False

    def ask(self, sql: str, most_rows: int) -> QueryAnswer:
        """The answer.

        Raises:
            UserError: the query is wrong, or takes too much time or memory; or too many wait.
        """
        if len(sql) > MOST_CHARACTERS:
            raise UserError(f"SQL: a query has at most {MOST_CHARACTERS:,} characters here")
        if not self._free.acquire(timeout=self.seconds):
            raise UserError("SQL: other queries are running: try again in a moment")
        try:
            told = self._run(json.dumps({"sql": sql, "most_rows": most_rows}))
        finally:
            self._free.release()
        self.expect()
        if "error" in told:
            raise UserError(told["error"])
        return QueryAnswer.of(told)

    def expect(self) -> None:
        """Somebody is about to ask: soon have a process ready."""
        with self._lock:
            if self._start is None and not self._is_closed:
                self._start = threading.Timer(LATER_SECONDS, self.make_ready)
                self._start.daemon = True
                self._start.start()

    def make_ready(self) -> None:
        """Have a process that waits."""
        with self._lock:
            self._start = None
            if self._spare is not None and not self._spare.is_waiting:
                self._spare.end()
                self._spare = None
            if self._spare is None and not self._is_closed:
                with contextlib.suppress(OSError):  # no room for one: whoever asks is told
                    self._spare = self._started(waits=True)

    def close(self) -> None:
        """End the process that waits; those at work end by themselves."""
        with self._lock:
            spare, self._spare, self._is_closed = self._spare, None, True
        if spare is not None:
            spare.end()

    def _started(self, *, waits: bool) -> "_QueryProcess":
        bounds = {"memory_bytes": MEMORY_BYTES, "seconds": self.seconds}
        return _QueryProcess(json.dumps({"lake": self.lake, **bounds, "waits": waits}))

    def _run(self, asked: str) -> dict[str, str]:
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None and (told := self._told(spare, asked)) is not None:
            return told
        told = self._told(self._started(waits=False), asked)
        if told is None:
            raise RuntimeError("the query's process ended and said nothing")
        return told

    def _told(self, process: "_QueryProcess", asked: str) -> dict[str, str] | None:
        try:
            return process.answer(asked, self.seconds)
        finally:
            process.end()


class _QueryProcess:
    """A process for one query; `given` are the arguments of `storage.bounded_query`."""

    def __init__(self, given: str) -> None:
        # A process that is ended removes nothing itself.
        self._folder = tempfile.mkdtemp(prefix="crawl2chat-query-")
        try:
            self._process = subprocess.Popen(
                command("storage.bounded_query", given),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**child_environment(), "TMPDIR": self._folder},
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def is_waiting(self) -> bool:
        """Whether it is there to be asked."""
        return self._process.poll() is None

    def answer(self, asked: str, seconds: float) -> dict[str, str] | None:
        """What it says, or why it says nothing; None: it had ended before, having waited long."""
        try:
            said, complaint = self._process.communicate(asked, timeout=seconds + START_SECONDS)
        except subprocess.TimeoutExpired:
            return {"error": too_slow(seconds)}
        status = self._process.returncode
        if status == -signal.SIGXCPU:
            return {"error": too_slow(seconds)}
        if status < 0:  # what is out of memory inside a library aborts, mostly
            return {"error": TOO_MUCH_MEMORY}
        if status:
            raise RuntimeError(f"the query's process failed: {complaint.strip()[-500:]}")
        told: dict[str, str] | None = json.loads(said) if said else None
        return told

    def end(self) -> None:
        """It is no more, and nothing is left of it."""
        self._process.kill()
        with contextlib.suppress(ValueError, OSError):  # its pipes may be closed
            self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)
