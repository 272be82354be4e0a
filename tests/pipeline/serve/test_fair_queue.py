"""Whose turn it is: fair, in order, bounded, whatever comes and goes."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.serve.fair_queue import FairQueue, QueueFull

CLIENTS = st.sampled_from("abc")
MOST, OWN, ROWS = 8, 5, 6
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), CLIENTS, st.lists(st.integers(1, ROWS), max_size=3)),
        st.tuples(st.just("pop"), CLIENTS, st.none()),
        st.tuples(st.just("release"), CLIENTS, st.none()),
        st.tuples(st.just("cancel"), CLIENTS, st.integers(0, 1)),
    ),
    max_size=60,
)


@given(STEPS)
def test_as_a_plain_model_of_it(steps: list) -> None:
    queue: FairQueue[tuple[str, int, int]] = FairQueue(MOST, OWN)
    waiting: list[tuple[str, int, int]] = []  # client, number, rows; in the order of coming
    under_way: dict[str, int] = defaultdict(int)
    number = 0
    for what, client, more in steps:
        own = [item for item in waiting if item[0] == client]
        if what == "push":
            items = [(client, number + n, rows) for n, rows in enumerate(more)]
            if len(waiting) + len(more) > MOST or len(own) + len(more) > OWN:
                with pytest.raises(QueueFull):
                    queue.push(client, [(item, item[2]) for item in items])
                continue
            number += len(items)
            queue.push(client, [(item, item[2]) for item in items])
            waiting += items
        elif what == "pop":
            free = ROWS - sum(under_way.values())
            found = queue.pop(free)
            heads = {item[0]: item for item in reversed(waiting)}
            turn = min(heads.values(), key=lambda item: (under_way[item[0]], item[1]), default=None)
            if turn is not None and turn[2] > free:
                turn = None  # nobody overtakes it
            assert found == turn
            if found is not None:
                waiting.remove(found)
                under_way[found[0]] += found[2]
        elif what == "release":
            if under_way[client]:
                under_way[client] -= 1
                queue.release(client)
        else:
            gone = [item for item in own if item[1] % 2 == more]
            assert queue.cancel(client, gone.__contains__) == len(gone)
            waiting = [item for item in waiting if item not in gone]
        assert len(queue) == len(waiting)
    assert sorted(queue.clear()) == sorted(waiting)
    assert len(queue) == 0


def test_a_client_with_many_prompts_delays_nobody() -> None:
    queue: FairQueue[str] = FairQueue(100, 100)
    queue.push("many", [(f"m{n}", 1) for n in range(20)])
    queue.push("one", [("o", 1)])
    assert [queue.pop(4), queue.pop(3), queue.pop(2)] == ["m0", "o", "m1"]


def test_what_needs_many_rows_gets_them_in_the_end() -> None:
    queue: FairQueue[str] = FairQueue(100, 100)
    queue.push("wide", [("wide", 3)])
    queue.push("narrow", [("narrow", 1)])
    assert queue.pop(2) is None
    assert queue.pop(3) == "wide"
