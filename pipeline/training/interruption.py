"""SIGTERM as a request: the loop finishes its step, saves a checkpoint and exits with 143.

Use as a context manager around a loop and ask `requested` after each step. Outside the main thread
(a notebook's helper, a test) signals can't be caught, and the request then never comes.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

EXIT_CODE = 128 + signal.SIGTERM
Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers


class Interruption:
    """Catches SIGTERM while it is entered; the old handler comes back afterwards."""

    def __init__(self) -> None:
        self.requested = False
        self._old: Handler | None = None

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._old = signal.signal(signal.SIGTERM, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._old is not None:
            signal.signal(signal.SIGTERM, self._old)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
