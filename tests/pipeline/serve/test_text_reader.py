"""Texts that are only read: in turn, in pieces, and few of them where a stream waits."""

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from model_server import tiny_loop

from pipeline.model.forward_state import forward_state
from pipeline.serve.config import ServeConfig
from pipeline.serve.reading_queue import ReadingJob, ReadingQueue
from pipeline.serve.text_reader import TextReader

JOBS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([("logprobs", 0), ("logprobs", 2), ("embedding", 0), ("state", 0)]),
        st.lists(st.integers(1, 9), min_size=1, max_size=5),
    ),
    max_size=8,
)


def jobs_of(asked: list[Any], ended: list[Any]) -> list[ReadingJob]:
    return [
        ReadingJob(
            kind, [[7] * size for size in sizes], client, lambda *end: ended.append(end), top
        )
        for client, (kind, top), sizes in asked
    ]


@given(JOBS, st.integers(1, 20), st.sets(st.integers(0, 7)))
def test_each_text_is_taken_once_in_its_clients_order(
    asked: list[Any], most: int, cancelled: set[int]
) -> None:
    queue, jobs = ReadingQueue(), jobs_of(asked, [])
    for number, job in enumerate(jobs):
        queue.add(job)
        job.cancelled = number in cancelled
    assert len(queue) == len(jobs)
    taken: list[tuple[ReadingJob, list[int]]] = []
    while queue:
        piece = queue.take(most)
        assert len({(job.kind, job.top) for job, _ in piece}) <= 1
        assert len(piece) <= 1 or sum(len(text) for _, text in piece) <= most
        taken += piece
    wanted = [job for number, job in enumerate(jobs) if number not in cancelled]
    for client in "abc":
        own = [text for job, text in taken if job.client == client]
        assert own == [text for job in wanted if job.client == client for text in job.texts]


def test_clients_take_turns() -> None:
    queue = ReadingQueue()
    for client, texts in (("long", [[1]] * 5), ("short", [[2]])):
        queue.add(ReadingJob("embedding", texts, client, lambda *_: None))
    assert [text for _, text in queue.take(3)] == [[1], [2], [1]]
    assert len(queue.clear()) == 1
    assert not queue


def test_a_piece_is_short_where_a_stream_waits() -> None:
    config = ServeConfig(reading_tokens=1_000, tokens_per_step=50, flush_seconds=1e-5)
    reader = TextReader(tiny_loop().engine, config)
    assert reader.most_tokens(streams_wait=False) == 1_000
    assert reader.most_tokens(streams_wait=True) == 50  # nothing is known yet
    ended: list[Any] = []
    (job,) = jobs_of([("a", ("logprobs", 1), [3, 4])], ended)
    reader.read([(job, text) for text in job.texts])
    assert ended == [(job, None)]
    assert [len(read.logprobs) for read in job.results] == [3, 4]
    assert reader.most_tokens(streams_wait=True) < 1_000
    assert reader.most_tokens(streams_wait=False) == 1_000


def test_what_goes_wrong_ends_each_job_once() -> None:
    ended: list[Any] = []
    reader = TextReader(tiny_loop().engine, ServeConfig())
    one, two = jobs_of([("a", ("embedding", 0), [3, 4]), ("b", ("embedding", 0), [2])], ended)
    reader.read([(one, [5, 6]), (one, [10**6]), (two, [5])])
    assert [job for job, _ in ended] == [one, two]
    assert all(isinstance(error, Exception) for _, error in ended)
    assert one.cancelled  # what is left of it is not read


def test_a_state_says_nothing_of_the_others_pace() -> None:
    ended: list[Any] = []
    loop = tiny_loop()
    reader = TextReader(loop.engine, ServeConfig(tokens_per_step=50, flush_seconds=1e-5))
    (job,) = jobs_of([("a", ("state", 0), [3])], ended)
    reader.read([(job, [5, 6, 7])])
    assert ended == [(job, None)]
    (state,) = job.results
    assert torch.equal(state.logits, forward_state(loop.engine.model, [5, 6, 7]).logits)
    assert reader.most_tokens(streams_wait=True) == 50  # still nothing is known
