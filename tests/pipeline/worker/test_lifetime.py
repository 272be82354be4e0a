"""How a process ended, by its exit code; its tie to its parent is broken in tests/flows."""

import signal
import subprocess
import sys

import pytest

from pipeline.worker.lifetime import signal_name, signal_of


@pytest.mark.parametrize(
    ("code", "number"),
    [(0, 0), (1, 0), (128, 0), (-9, 9), (137, 9), (143, 15), (-40, 40), (168, 0), (200, 0)],
)
def test_only_codes_of_signals_are_taken_for_signals(code: int, number: int) -> None:
    assert signal_of(code) == number


def test_every_signal_that_can_end_a_process_has_a_name() -> None:
    assert signal_name(9) == "SIGKILL"
    for number in signal.valid_signals():
        assert signal_name(int(number))
    unnamed = next(n for n in range(signal.SIGRTMIN + 1, signal.SIGRTMAX))
    script = f"import os; os.kill(os.getpid(), {unnamed})"
    code = subprocess.run([sys.executable, "-c", script], check=False).returncode
    assert signal_name(signal_of(code)) == f"signal {unnamed}"
