"""Kept responses: nobody's but their maker's, and never more than the limits."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from pipeline.chat.conversation import user
from pipeline.serve.response_store import OVERHEAD_BYTES, KeptResponse, ResponseStore


def response(id_: str, text: str = "") -> KeptResponse:
    return KeptResponse({"id": id_}, (user(text),))


def test_a_response_is_its_clients_alone() -> None:
    store = ResponseStore(9, 9, 10**6)
    kept = response("resp_1")
    assert store.keep("ann", kept)
    assert store.find("ann", "resp_1") is kept
    assert store.find("bob", "resp_1") is None
    assert not store.delete("bob", "resp_1")
    assert store.delete("ann", "resp_1")
    assert store.find("ann", "resp_1") is None
    assert not store.delete("ann", "resp_1")
    assert (len(store), store.bytes) == (0, 0)


def test_the_oldest_give_way_and_a_clients_own_first() -> None:
    store = ResponseStore(4, 2, 10**6)
    for client, id_ in (("ann", "a1"), ("bob", "b1"), ("ann", "a2"), ("ann", "a3")):
        store.keep(client, response(id_))
    assert [store.find("ann", id_) is not None for id_ in ("a1", "a2", "a3")] == [0, 1, 1]
    store.keep("bob", response("b2"))
    store.keep("cat", response("c1"))
    assert store.find("bob", "b1") is None
    assert store.find("cat", "c1") is not None


def test_what_is_too_large_alone_is_not_kept_and_drops_nothing() -> None:
    store = ResponseStore(9, 9, 3 * OVERHEAD_BYTES)
    assert store.keep("ann", response("a1"))
    assert not store.keep("ann", response("a2", "x" * 3 * OVERHEAD_BYTES))
    assert store.find("ann", "a1") is not None


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 3_000), st.booleans())
    )
)
def test_limits_hold_whatever_comes(steps: list[tuple[str, int, int, bool]]) -> None:
    store = ResponseStore(5, 3, 8_000)
    for number, (client, id_, size, deletes) in enumerate(steps):
        if deletes:
            store.delete(client, f"resp_{id_}")
        else:
            store.keep(client, response(f"resp_{id_}_{number}", "x" * size))
        kept = [found for _, _, found in store._kept.values()]
        assert len(kept) == len(store) <= 5
        assert store.bytes == sum(one.bytes for one in kept) <= 8_000
        assert all(len(own) <= 3 for own in store._of_client.values())
        assert sum(map(len, store._of_client.values())) == len(kept)


def test_the_conversation_counts() -> None:
    short, long = response("a"), response("a", "x" * 500)
    assert long.bytes == short.bytes + 500
    assert dataclasses.replace(short, body={"id": "a", "output": "y" * 100}).bytes > short.bytes
