"""Main text, page after page, by a child process that is killed and replaced when a page stalls it.

Nothing else holds against a hang inside a C library: a signal handler runs only between two Python
instructions. A page that takes too long, too much memory or the process with it gives an
`Extraction` with a problem, never an exception, and the next page finds a fresh process.
"""

import dataclasses
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from pipeline.config import to_dict
from pipeline.extract.child import read_frame, write_frame
from pipeline.extract.config import ExtractConfig

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0  # for the child's imports, on however busy a machine


@dataclasses.dataclass(frozen=True)
class Extraction:
    """Main text of a page, or why there is none."""

    text: str
    problem: str = ""  # timeout, crash, memory or extractor_error; "" if all went well
    detail: str = ""
    value: float | None = None  # seconds, for a timeout
    threshold: float | None = None


class Extractor:
    """A context manager that owns the child: `with Extractor(config) as extractor`."""

    def __init__(
        self, config: ExtractConfig, command: tuple[str, ...] = ("-m", "pipeline.extract.child")
    ) -> None:
        self.config = config
        self._command = [sys.executable, *command, json.dumps(to_dict(config))]
        self._child: subprocess.Popen[bytes] | None = None
        self._pages = 0  # that this child has seen

    def __enter__(self) -> "Extractor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def extract(self, html: bytes, charset: str, url: str) -> Extraction:
        """The main text of a page whose HTTP header names `charset` ("" if none)."""
        if self._pages >= self.config.recycle_pages:
            self._stop()
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        self._pages += 1
        late = threading.Event()
        limit = self.config.timeout_seconds

        def kill() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(limit, kill)
        timer.start()
        try:
            write_frame(child.stdin, {"charset": charset, "url": url}, html)
            answer = read_frame(child.stdout)
        except BrokenPipeError:
            answer = None  # the child is dead: how, is found below
        finally:
            timer.cancel()
            timer.join()  # it may be killing just now
        if answer is not None:
            if late.is_set():
                self._stop()
            head, body = answer
            return Extraction(body.decode(), head["problem"], head["detail"])
        code = child.wait()
        self._stop()
        if late.is_set():
            return Extraction("", "timeout", "", limit, limit)
        return Extraction("", "crash", f"the extracting process ended with code {code}")

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        child = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        assert child.stdout is not None
        self._child, self._pages = child, 0
        timer = threading.Timer(START_SECONDS, child.kill)
        timer.start()
        try:
            if read_frame(child.stdout) is None:
                raise RuntimeError(f"the extracting process did not start (code {child.wait()})")
        finally:
            timer.cancel()
        return child

    def _stop(self) -> None:
        child, self._child, self._pages = self._child, None, 0
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                _close(stream)


def _close(stream: object) -> None:
    try:
        stream.close()  # type: ignore[attr-defined]
    except BrokenPipeError:
        return  # what was not yet written has no reader any more
