"""Who runs next: a decoder that only counts stands in for the model."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import scheduler as module
from pipeline.model.page_pool import PagePool
from pipeline.model.rows import AT_LIMIT, READING, UNDER_WAY, WAITING, GenerationRow, Sampling
from pipeline.model.scheduler import Scheduler, Step

SIZE = 4


def row_of(id: int, prompt: list[int], new: int, **more: object) -> GenerationRow:
    return GenerationRow(id, len(prompt), Sampling(new), 0, list(prompt), 64, **more)  # type: ignore[arg-type]


class Counting:
    """Does steps as a decoder does: the next token of a row is the sum of all before it, mod 7.

    It keeps what every page holds, so a token that is read over wrong pages shows.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.memory: dict[tuple[int, int], int] = {}
        self.standing: dict[int, list[int]] = {}  # of each slot: the tokens that its state is after
        self.began: list[int] = []

    def run(self, step: Step) -> None:
        size = self.scheduler.pool.page_tokens
        for source, target in step.copies:
            for at in range(size):
                if (source, at) in self.memory:
                    self.memory[target, at] = self.memory[source, at]
        for source, target in step.forks:
            self.standing[target] = self.standing[source]
        going = list(step.sampling)
        for row in (*step.sampling, *(piece.row for piece in step.reading)):
            if row.id not in self.began:
                self.began.append(row.id)
        first = True
        for _ in range(step.steps):
            for row in [row for row in going if row.state == UNDER_WAY]:
                self._sample(row)
            if first:
                for piece in step.reading:
                    self._read(piece.row, piece.start, piece.end)
                    if piece.last:
                        piece.row.state = UNDER_WAY
                        going.append(piece.row)
                first = False
        self.scheduler.has_read(step)
        for row in going:
            if row.done:
                self.scheduler.leave(row)

    def _sample(self, row: GenerationRow) -> None:
        held = [self.memory[row.pages[at // SIZE], at % SIZE] for at in range(row.position)]
        assert held == row.tokens, "read over pages that hold something else"
        assert self.standing[row.slot] == held, "sampled after other tokens"
        row.made_tokens[row.made] = token = sum(held) % 7
        row.take(row.made + 1)
        if row.made >= row.sampling.max_new_tokens or len(row.tokens) >= row.room:
            row.state = AT_LIMIT
            return
        self._write(row, row.position, token)
        row.position += 1

    def _read(self, row: GenerationRow, start: int, end: int) -> None:
        assert row.position == start
        for at in range(start, end):
            self._write(row, at, row.tokens[at])
        row.position = end

    def _write(self, row: GenerationRow, at: int, token: int) -> None:
        page = row.pages[at // SIZE]
        users = [r.id for r in self.scheduler.running.values() if page in r.pages]
        assert users == [row.id], "a page that others use is written to"
        self.memory[page, at % SIZE] = token
        self.standing[row.slot] = row.tokens[: at + 1]


def expected(prompt: list[int], new: int, room: int = 64) -> list[int]:
    tokens = list(prompt)
    for _ in range(min(new, room - len(prompt))):
        tokens.append(sum(tokens) % 7)
    return tokens


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    pages=st.integers(16, 40),
    max_rows=st.integers(1, 6),
    budget=st.integers(1, 40),
    steps=st.sampled_from([1, 2, 5]),
)
def test_no_token_is_lost_whoever_comes_goes_and_loses_a_place(
    seed: int, pages: int, max_rows: int, budget: int, steps: int
) -> None:
    rng = random.Random(seed)
    scheduler = Scheduler(PagePool(pages, SIZE), max_rows, budget)
    decoder = Counting(scheduler)
    rows: list[GenerationRow] = []
    cancelled: set[int] = set()
    for plan in range(20_000):
        if plan < 60 and rng.random() < 0.4:
            prompt = [rng.randrange(2) for _ in range(rng.randint(1, 30))]
            new, leader = rng.randint(1, 30), None
            for _ in range(rng.choice([1, 1, 3])):
                row = row_of(len(rows), prompt, new, leader=leader, priority=rng.randrange(2))
                leader = leader or row
                rows.append(row)
                scheduler.add(row)
        if rows and rng.random() < 0.1:
            row = rng.choice(rows)
            if not row.done:
                cancelled.add(row.id)
                scheduler.drop(row)
                row.state = AT_LIMIT
                assert not row.pages
        step = scheduler.plan(steps)
        if step.empty and plan > 60:
            break
        together = len(step.sampling) + sum(p.end - p.start for p in step.reading)
        assert together <= max(budget, len(step.sampling) + 1)
        assert len(scheduler.running) <= max_rows
        decoder.run(step)
    for row in rows:
        if row.id not in cancelled:
            assert row.tokens == expected(
                row.tokens[: row.prompt_tokens], row.sampling.max_new_tokens
            )
    assert scheduler.pool.available == pages
    assert not scheduler.running
    assert not scheduler.waiting


def test_rows_begin_as_they_came_and_a_class_before_the_next() -> None:
    scheduler = Scheduler(PagePool(64, SIZE), 1, 100)
    decoder = Counting(scheduler)
    for id, priority in enumerate([1, 0, 1, 0, 0]):
        scheduler.add(row_of(id, [id, 1], 3, priority=priority))
    while not (step := scheduler.plan(1)).empty:
        decoder.run(step)
    assert decoder.began == [1, 3, 4, 0, 2]


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests of the first class keep coming; one of the second gets its turn all the same."""
    monkeypatch.setattr(module, "MAX_WAITED", 5)
    scheduler = Scheduler(PagePool(64, SIZE), 1, 100)
    decoder = Counting(scheduler)
    scheduler.add(late := row_of(0, [1], 2, priority=1))
    for id in range(1, 40):
        scheduler.add(row_of(id, [1], 2))
        decoder.run(scheduler.plan(1))
    assert late.done
    assert 0 < decoder.began.index(0) < 6


def test_a_prompt_is_read_in_pieces_beside_those_who_sample() -> None:
    scheduler = Scheduler(PagePool(64, SIZE), 4, 6)
    decoder = Counting(scheduler)
    scheduler.add(first := row_of(0, [1, 2], 20))
    decoder.run(scheduler.plan(1))
    scheduler.add(row_of(1, [0] * 13, 2))
    pieces = []
    for made in range(1, 4):
        step = scheduler.plan(8)
        pieces += [(piece.start, piece.end, piece.last) for piece in step.reading]
        # nobody is kept waiting for eight tokens while a prompt is half read
        assert step.steps == (8 if pieces[-1][2] else 1)
        decoder.run(step)
        assert first.made == made if not pieces[-1][2] else first.made > made
    assert pieces == [(0, 5, False), (5, 10, False), (10, 13, True)]


def test_samples_go_on_from_where_the_first_stands() -> None:
    scheduler = Scheduler(PagePool(64, SIZE), 4, 100)
    decoder = Counting(scheduler)
    prompt = [1, 0, 1, 1, 0, 1]
    rows: list[GenerationRow] = []
    for id in range(6):
        rows.append(row_of(id, prompt, 3, leader=rows[0] if rows else None))
        scheduler.add(rows[-1])
    step = scheduler.plan(4)
    assert [(p.row.id, p.start, p.end) for p in step.reading] == [(0, 0, 6)]
    assert step.steps == 1  # the others wait for it
    decoder.run(step)
    step = scheduler.plan(4)
    assert [row.id for row in step.sampling] == [0, 1, 2, 3]
    assert not step.reading
    assert len(step.forks) == 3
    assert len(step.copies) == 3  # of the page that isn't full; the full one is shared
    shared = {row.pages[0] for row in rows[:4]}
    assert len(shared) == 1
    decoder.run(step)
    step = scheduler.plan(4)  # the first has ended; its pages are found, and what is left is read
    assert [(p.row.id, p.start, p.end) for p in step.reading] == [(4, 4, 6), (5, 4, 6)]
    while not step.empty:
        decoder.run(step)
        step = scheduler.plan(4)
    assert {tuple(row.tokens) for row in rows} == {tuple(expected(prompt, 3))}


def test_nobody_reads_what_another_is_reading() -> None:
    scheduler = Scheduler(PagePool(64, SIZE), 4, 100)
    decoder = Counting(scheduler)
    common = [1] * 8
    for id in range(3):
        scheduler.add(row_of(id, [*common, id, id], 2))
    scheduler.add(row_of(3, [0, 0, 0, 0, 2], 2))
    read = []
    while not (step := scheduler.plan(1)).empty:
        read += [(p.row.id, p.start, p.end) for p in step.reading]
        decoder.run(step)
    assert read == [(0, 0, 10), (3, 0, 5), (1, 8, 10), (2, 8, 10)]


def test_who_came_last_loses_its_place_and_goes_on_as_if_it_had_not() -> None:
    scheduler = Scheduler(PagePool(6, SIZE), 3, 100)
    decoder = Counting(scheduler)
    rows = [row_of(id, [id, 1, 1], 17) for id in range(3)]
    for row in rows:
        scheduler.add(row)
    places = []
    while not (step := scheduler.plan(1)).empty:
        decoder.run(step)
        places.append([row.slot >= 0 for row in rows])
    assert [True, True, False] in places  # it had begun, and had to wait again
    assert places[1] == [True, True, True]
    assert all(row.tokens == expected([id, 1, 1], 17) for id, row in enumerate(rows))
    assert all(here[0] for here in places[:17])  # the first never has to


def test_a_row_that_is_dropped_leaves_at_once() -> None:
    scheduler = Scheduler(PagePool(8, SIZE), 1, 100)
    decoder = Counting(scheduler)
    first, second = row_of(0, [1] * 5, 9), row_of(1, [2] * 5, 2)
    for row in (first, second):
        scheduler.add(row)
    decoder.run(scheduler.plan(1))
    assert (first.state, second.state) == (UNDER_WAY, WAITING)
    scheduler.drop(first)
    first.state = AT_LIMIT
    assert scheduler.pool.available == 8
    step = scheduler.plan(1)
    assert [piece.row for piece in step.reading] == [second]
    scheduler.drop(second)
    assert scheduler.plan(1).empty


def test_a_paused_row_keeps_its_pages_and_reads_what_was_appended() -> None:
    scheduler = Scheduler(PagePool(8, SIZE), 2, 100)
    decoder = Counting(scheduler)
    scheduler.add(row := row_of(0, [1, 2, 3], 6))
    decoder.run(scheduler.plan(2))
    pages = list(row.pages)
    row.state, row.paused = WAITING, True
    assert scheduler.plan(1).empty
    row.force([5, 5, 5])
    row.paused = False
    scheduler.resume(row)
    assert row.state == READING
    step = scheduler.plan(1)
    assert [(p.start, p.end, p.last) for p in step.reading] == [(4, 7, True)]
    assert row.pages[: len(pages)] == pages
    decoder.run(step)
    while not (step := scheduler.plan(1)).empty:
        decoder.run(step)
    assert row.made == 6
    assert row.tokens[4:7] == [5, 5, 5]
    assert row.tokens[:4] == expected([1, 2, 3], 1)


def test_a_paused_row_asks_for_no_more_pages() -> None:
    scheduler = Scheduler(PagePool(2, SIZE), 2, 100)
    decoder = Counting(scheduler)
    scheduler.add(paused := row_of(0, [1, 2, 3], 4))
    decoder.run(scheduler.plan(1))
    paused.state, paused.paused = WAITING, True
    paused.force([5])  # a page is full
    scheduler.add(row_of(1, [1, 1], 2))
    step = scheduler.plan(2)
    assert [piece.row.id for piece in step.reading] == [1]
    assert paused.slot >= 0


def test_what_was_found_and_what_was_read_is_counted() -> None:
    scheduler = Scheduler(PagePool(40, SIZE), max_rows=2, tokens_per_step=8)
    decoder = Counting(scheduler)
    prompt = list(range(21))
    for number in range(3):
        scheduler.add(row_of(number, prompt, 3))
        while scheduler.waiting or scheduler.running:
            decoder.run(scheduler.plan(2))
    # the second and the third find all whole pages before the last token
    assert scheduler.found_tokens == 2 * 20
    assert scheduler.found_tokens + scheduler.read_tokens == 3 * len(prompt)
