"""The lock of objects, step by step, in a store of a dict with a clock that the test moves."""

from datetime import UTC, datetime, timedelta

import pytest

from storage import object_lock
from storage.errors import UserError

START = datetime(2026, 1, 1, tzinfo=UTC)


class Objects:
    """What a lock needs of a store."""

    def __init__(self):
        self.known, self.now = {}, START

    def write(self, name, data):
        self.known[name] = self.now

    def remove(self, name):
        self.known.pop(name, None)

    def times(self, folder):
        return {n.removeprefix(f"{folder}/"): t for n, t in self.known.items()}


def test_alone_it_is_held_at_once_and_leaves_nothing():
    store = Objects()
    with object_lock.held(store, "l", sleep=lambda seconds: pytest.fail("waited")):
        assert [name[:21] for name in store.known] == ["l/ticket-000000000001"]
    assert store.known == {}


def test_who_is_choosing_and_who_was_first_are_waited_for():
    """Another has looked before our ticket was there: it may get the same number, or a smaller."""
    store, steps = Objects(), []
    store.write("l/choosing-0", b"")

    def sleep(seconds):
        steps.append(sorted(store.known))
        if len(steps) == 1:
            store.write("l/ticket-000000000001-0", b"")
            store.remove("l/choosing-0")
        else:
            store.remove("l/ticket-000000000001-0")

    with object_lock.held(store, "l", sleep):
        assert len(steps) == 2
    with object_lock.held(store, "l", sleep):
        store.write("l/choosing-late", b"")  # it will see our ticket
    assert len(steps) == 2


def test_a_later_one_takes_a_larger_number():
    store = Objects()
    store.write("l/ticket-000000000041-9", b"")
    with object_lock.held(store, "l", lambda seconds: store.remove("l/ticket-000000000041-9")):
        assert next(iter(store.known)).startswith("l/ticket-000000000042-")


def test_claims_of_the_dead_go_and_those_who_wait_show_that_they_live():
    store = Objects()
    store.write("l/choosing-dead", b"")
    store.write("l/ticket-000000000001-dead", b"")
    seconds = 0.0

    def sleep(some):
        nonlocal seconds
        seconds += 50.0
        store.now = START + timedelta(seconds=seconds)
        assert seconds < 600

    with object_lock.held(store, "l", sleep, clock=lambda: seconds):
        assert len(store.known) == 1
        assert seconds > object_lock.DEAD_SECONDS
        # just before the work: the whole time is left for it
        assert store.now - next(iter(store.known.values())) == timedelta(0)


def test_one_that_is_taken_for_dead_says_so():
    store = Objects()
    store.write("l/ticket-000000000001-0", b"")

    def sleep(seconds):
        for name in [n for n in store.known if not n.endswith("-0")]:
            store.remove(name)

    with (
        pytest.raises(UserError, match="taken for a dead writer's"),
        object_lock.held(store, "l", sleep),
    ):
        pass
