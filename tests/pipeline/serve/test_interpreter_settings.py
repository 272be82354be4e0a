"""Threads take turns soon, cycles are looked for seldom: while it lasts, and no longer."""

import gc
import sys
import weakref

from pipeline.serve.interpreter_settings import (
    NEW_OBJECTS,
    SEARCHES,
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
    assert threshold == (NEW_OBJECTS, SEARCHES, SEARCHES)
    assert now() == before


class Node:
    """One of a cycle."""

    def __init__(self) -> None:
        self.own = self


def test_what_lived_for_a_while_and_is_gone_is_found_within_some_thousand_requests() -> None:
    with interpreter_settings():
        node = Node()
        for generation in (0, 1):  # a request that was under way at two searches
            gc.collect(generation)
        seen = weakref.ref(node)
        del node
        for _ in range(12 * NEW_OBJECTS):  # that go away soon: hardly anything is added
            request: list[object] = []
            request.append(request)
        assert seen() is None
