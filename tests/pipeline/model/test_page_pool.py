"""Pages of keys and values: whose they are, and which beginnings they hold."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.page_pool import PagePool, PrefixMatch

SIZE = 4


def read(pool: PagePool, tokens: list[int]) -> list[int]:
    """What a row does that is read whole: its pages, with what is shared."""
    found = pool.match(tokens)
    pool.share(found.pages)
    pages = [*found.pages, *pool.take(pool.pages_for(len(tokens)) - len(found.pages))]
    pool.insert(tokens, pages, len(tokens))
    return pages


def test_what_rows_share_is_found_while_they_run_and_after() -> None:
    pool = PagePool(8, SIZE)
    first = read(pool, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert pool.available == 5
    assert pool.match([1, 2, 3, 4, 5, 6, 7, 8, 9]) == PrefixMatch(tuple(first[:2]), tokens=8)
    assert pool.match([1, 2, 3, 4, 5, 6, 7, 0, 0]) == PrefixMatch((first[0],), -1, 0, tokens=4)
    pool.release(first)
    assert pool.available == 8
    second = read(pool, [1, 2, 3, 4, 5, 6, 7, 8, 10])
    assert second[:2] == first[:2]
    assert second[2] != first[2]


def test_a_part_of_a_page_is_copied_from_eight_tokens_on() -> None:
    pool = PagePool(4, 16)
    pages = read(pool, list(range(20)))
    assert pool.match([*range(16), 16, 17, 18, 99]) == PrefixMatch((pages[0],), tokens=16)
    other = list(range(12)) + [50] * 8
    assert pool.match(other) == PrefixMatch((), pages[0], 12, tokens=12)
    assert pool.match(list(range(9))) == PrefixMatch((), pages[0], 8, tokens=8)
    assert pool.match([*range(7), 50, 50]) == PrefixMatch(())


def test_the_last_token_is_always_read() -> None:
    """Its hidden state is wanted, and nobody keeps those."""
    pool = PagePool(4, SIZE)
    pages = read(pool, [1, 2, 3, 4, 5, 6, 7, 8])
    assert pool.match([1, 2, 3, 4, 5, 6, 7, 8]).tokens == 4
    assert pool.match([1, 2, 3, 4]) == PrefixMatch(())
    assert pool.match([1, 2, 3, 4, 5]) == PrefixMatch((pages[0],), tokens=4)


def test_what_is_being_read_is_pending_until_it_has_been() -> None:
    pool = PagePool(8, SIZE)
    tokens = list(range(10))
    pages = pool.take(3)
    pool.insert(tokens, pages, 0)
    assert pool.match(tokens) == PrefixMatch((), pending=True)
    pool.insert(tokens, pages, 4)
    assert pool.match(tokens) == PrefixMatch((pages[0],), pending=True, tokens=4)
    pool.insert(tokens, pages, 10)
    assert pool.match(tokens) == PrefixMatch(tuple(pages[:2]), tokens=8)


def test_what_was_never_read_is_forgotten_with_its_row() -> None:
    pool = PagePool(8, SIZE)
    pages = pool.take(3)
    pool.insert(list(range(10)), pages, 5)
    pool.release(pages)
    assert pool.available == 8
    assert pool.match(list(range(10))) == PrefixMatch((pages[0],), tokens=4)


def test_the_longest_unused_beginning_goes_first_and_its_end_before_its_start() -> None:
    pool = PagePool(4, SIZE)
    old, new = [1] * 8, [2] * 8
    for tokens in (old, new):
        pool.release(read(pool, tokens))
    pool.release(read(pool, [*old, 5][:8]))  # used again: now the other is older
    pool.take(1)
    assert pool.match([*new, 0]).tokens == 4
    assert pool.match([*old, 0]).tokens == 8
    pool.take(1)
    assert pool.match([*new, 0]).tokens == 0
    assert pool.match([*old, 0]).tokens == 8


def test_a_pool_that_keeps_nothing_forgets_a_row_with_its_pages() -> None:
    pool = PagePool(4, SIZE, keeps=False)
    pages = read(pool, [1, 2, 3, 4, 5])
    assert pool.match([1, 2, 3, 4, 5]).pages == (pages[0],)
    pool.release(pages)
    assert pool.match([1, 2, 3, 4, 5]) == PrefixMatch(())


def test_what_two_rows_have_read_is_kept_once() -> None:
    pool = PagePool(3, SIZE)
    pool.release(read(pool, [9] * 4))
    tokens = [1] * 4
    one, other = pool.take(1), pool.take(1)
    for pages in (one, other):  # neither knew of the other
        pool.insert(tokens, pages, 4)
    pool.release(one)
    pool.release(other)
    pool.take(1)  # the second's page: what was read before has not to go for it
    assert pool.match([9] * 5).tokens == 4
    assert pool.match([1] * 5).tokens == 4


def test_a_row_that_grows_is_found_as_far_as_it_has_been_read() -> None:
    pool = PagePool(8, SIZE)
    tokens = [1, 2, 3, 4, 5]
    pages = read(pool, tokens)
    tokens += [6, 7, 8, 9]
    pages += pool.take(1)
    pool.insert(tokens[:8], pages, 8)
    assert pool.match([*tokens, 0]).tokens == 8
    pool.release(pages)
    assert pool.match([*tokens, 0]).tokens == 8
    assert pool.available == 8


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([3, 4, 16]), count=st.integers(6, 14))
def test_pages_are_never_two_rows_and_what_matches_was_read(
    seed: int, size: int, count: int
) -> None:
    """Rows come and go at random; `memory` is what the pages would hold."""
    rng = random.Random(seed)
    pool = PagePool(count, size)
    memory: list[list[int]] = [[-1] * size for _ in range(count)]
    rows: list[tuple[list[int], list[int]]] = []
    for _ in range(120):
        if rows and rng.random() < 0.4:
            _, pages = rows.pop(rng.randrange(len(rows)))
            pool.release(pages)
        else:
            tokens = [rng.randrange(2) for _ in range(rng.randint(1, 3 * size))]
            found = pool.match(tokens)
            assert not found.pending
            assert found.tokens < len(tokens)
            for number, page in enumerate(found.pages):
                assert memory[page] == tokens[number * size : (number + 1) * size]
            if found.copied >= 0:
                start = len(found.pages) * size
                assert found.tokens == start + found.copied_tokens
                assert memory[found.copied][: found.copied_tokens] == tokens[start : found.tokens]
            pool.share(found.pages)
            short = pool.pages_for(len(tokens)) - len(found.pages)
            if short > pool.available:
                pool.release(found.pages)
                continue
            own = pool.take(short)
            used = [page for _, pages in rows for page in pages]
            assert not set(own) & (set(used) | set(found.pages))
            pages = [*found.pages, *own]
            for at, token in enumerate(tokens):
                memory[pages[at // size]][at % size] = token
            pool.insert(tokens, pages, len(tokens))
            rows.append((tokens, pages))
        held = {page for _, pages in rows for page in pages}
        assert pool.available == count - len(held)
    for _, pages in rows:
        pool.release(pages)
    assert pool.available == count
    taken = pool.take(count)
    assert sorted(taken) == list(range(count))
    assert pool.match([0] * 3 * size) == PrefixMatch(())


def test_no_page_can_be_taken_that_is_not_there() -> None:
    pool = PagePool(2, SIZE)
    pool.take(2)
    assert pool.available == 0
    with pytest.raises(StopIteration):
        pool.take(1)
