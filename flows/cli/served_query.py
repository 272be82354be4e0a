"""A stranger's query of the web pages: asked by a process that is ended when its time is over."""

import json
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

    def ask(self, sql: str, most_rows: int) -> QueryAnswer:
        """The answer.

        Raises:
            UserError: the query is wrong, or takes too much time or memory; or too many wait.
        """
        if len(sql) > MOST_CHARACTERS:
            raise UserError(f"SQL: a query has at most {MOST_CHARACTERS:,} characters here")
        asked = {
            "lake": self.lake,
            "sql": sql,
            "most_rows": most_rows,
            "memory_bytes": MEMORY_BYTES,
            "seconds": self.seconds,
        }
        if not self._free.acquire(timeout=self.seconds):
            raise UserError("SQL: other queries are running: try again in a moment")
        try:
            told = self._run(json.dumps(asked))
        finally:
            self._free.release()
        if "error" in told:
            raise UserError(told["error"])
        return QueryAnswer.of(told)

    def _run(self, asked: str) -> dict[str, str]:
        # A process that is ended removes nothing itself.
        with tempfile.TemporaryDirectory(prefix="crawl2chat-query-") as folder:
            try:
                ended = subprocess.run(
                    command("storage.bounded_query"),
                    input=asked,
                    capture_output=True,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    env={**child_environment(), "TMPDIR": folder},
                    timeout=self.seconds + START_SECONDS,
                )
            except subprocess.TimeoutExpired:
                return {"error": too_slow(self.seconds)}
        if ended.returncode == -signal.SIGXCPU:
            return {"error": too_slow(self.seconds)}
        if ended.returncode < 0:  # what is out of memory inside a library aborts, mostly
            return {"error": TOO_MUCH_MEMORY}
        if ended.returncode:
            raise RuntimeError(f"the query's process failed: {ended.stderr.strip()[-500:]}")
        told: dict[str, str] = json.loads(ended.stdout)
        return told
