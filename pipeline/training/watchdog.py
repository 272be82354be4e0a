"""A kernel timer that ends a process that hangs, after writing where each of its threads is.

Each phase (a step, a validation, a write) must end within a multiple of the slowest of its kind so
far, and within a multiple of the least limit the first time. The timer's signal is handled in C:
the stack traces appear and the process dies by SIGALRM even where a library waits with Python's
lock held. A task counts that as a killed worker and tries again from the newest checkpoint.
"""

import faulthandler
import signal
import threading
import time
from types import TracebackType

SLOWER = 20.0  # times the slowest of its kind: a machine may well be that much busier
FIRST = 6.0  # times the least limit, for what has never run: compiling, reading cold files
STDERR = 2


class Watchdog:
    """On duty while it is entered, if this is the main thread.

    Args:
        least_seconds: the least limit of any phase; 0: never on duty.
    """

    def __init__(self, least_seconds: float) -> None:
        self.least_seconds = least_seconds
        self.on_duty = False
        self._slowest: dict[str, float] = {}
        self._phase = ""
        self._since = self._entered = 0.0
        self._old_timer = (0.0, 0.0)

    def __enter__(self) -> "Watchdog":
        here = threading.current_thread() is threading.main_thread()
        self.on_duty = here and self.least_seconds > 0
        if self.on_duty:
            self._entered = time.monotonic()
            # After the traces the signal goes on to its old handler: the kernel, which ends us.
            faulthandler.register(signal.SIGALRM, file=STDERR, all_threads=True, chain=True)
            self._old_timer = signal.setitimer(signal.ITIMER_REAL, 0.0)
            self.expect("start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.on_duty:
            return
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.unregister(signal.SIGALRM)
        left, interval = self._old_timer
        if left:  # another owner's timer (a test runner's, say) continues where it would be by now
            passed = time.monotonic() - self._entered
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - passed), interval)
        self.on_duty = False

    def expect(self, phase: str) -> None:
        """End the phase before and begin another.

        Args:
            phase: its kind; "": work of unknown length, without a limit.
        """
        now = time.monotonic()
        if self._phase:
            taken = now - self._since
            self._slowest[self._phase] = max(taken, self._slowest.get(self._phase, 0.0))
        self._phase, self._since = phase, now
        if self.on_duty:
            signal.setitimer(signal.ITIMER_REAL, self.limit(phase) if phase else 0.0)

    def limit(self, phase: str) -> float:
        """Seconds that a phase of a kind may take."""
        if phase not in self._slowest:
            return FIRST * self.least_seconds
        return max(self.least_seconds, SLOWER * self._slowest[phase])
