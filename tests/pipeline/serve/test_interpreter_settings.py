"""Threads take turns soon, cycles are looked for seldom: while it lasts, and no longer."""

import gc
import sys

from pipeline.serve.interpreter_settings import (
    NEW_OBJECTS,
    TURN_SECONDS,
    interpreter_settings,
)


def now() -> tuple[float, tuple[int, int, int], bool]:
    return sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count() > 0


def test_they_hold_while_it_lasts() -> None:
    before = now()
    assert before[0] > TURN_SECONDS
    assert before[1][0] < NEW_OBJECTS
    assert not before[2]
    with interpreter_settings():
        turn, threshold, frozen = now()
    assert abs(turn - TURN_SECONDS) < 1e-6
    assert frozen
    assert threshold == (NEW_OBJECTS, *before[1][1:])
    assert now() == before
