"""A process in which nothing moves dies by a signal and says where it hung."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patience import PATIENCE_SECONDS

from pipeline.training.watchdog import FIRST, SLOWER, Watchdog

ROOT = Path(__file__).parents[3]
HANGS = """
import ctypes, threading, time
from pipeline.training.watchdog import Watchdog

def waits_for_a_lock():
    lock = threading.Lock(); lock.acquire(); lock.acquire()

def waits_in_c_with_pythons_lock_held():
    ctypes.PyDLL(None).sleep(3600)

with Watchdog(2.0) as dog:
    for _ in range(3):
        dog.expect("step")
        time.sleep(0.01)
    dog.expect("step")
    {hang}()
"""


@pytest.mark.parametrize("hang", ["waits_for_a_lock", "waits_in_c_with_pythons_lock_held"])
def test_a_hang_ends_with_traces_and_a_signal(hang):
    done = subprocess.run(
        [sys.executable, "-c", HANGS.replace("{hang}", hang)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == -signal.SIGALRM
    assert f"in {hang}" in done.stderr


def test_limits_follow_the_slowest_of_a_kind(monkeypatch):
    now = 100.0
    monkeypatch.setattr("pipeline.training.watchdog.time.monotonic", lambda: now)
    dog = Watchdog(10.0)
    assert dog.limit("step") == FIRST * 10.0
    dog.expect("step")
    now += 0.1
    dog.expect("validation")
    assert dog.limit("step") == 10.0
    assert dog.limit("validation") == FIRST * 10.0
    now += 7.0
    dog.expect("step")
    assert dog.limit("validation") == SLOWER * 7.0


def test_somebody_elses_timer_goes_on_afterwards():
    before = signal.getsignal(signal.SIGALRM)
    old = signal.setitimer(signal.ITIMER_REAL, 500.0)
    try:
        with Watchdog(1000.0) as dog:
            assert dog.on_duty
            assert 5000.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 6000.0
        assert 490.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500.0
        assert signal.getsignal(signal.SIGALRM) is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old)


def test_off_duty_without_a_limit_and_outside_the_main_thread():
    with Watchdog(0.0) as dog:
        assert not dog.on_duty
        dog.expect("step")
    found = []

    def elsewhere():
        with Watchdog(100.0) as dog:
            found.append(dog.on_duty)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [False]
