"""Sizes of batches by hand, the data's cursor against counting, and what follows from a ramp."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.batch_sizes import BatchSizes, as_sizes, mean_rows, seen_rows
from pipeline.training.config import LoopConfig
from pipeline.training.data_loader import PretrainData
from storage.errors import UserError


def sizes(**settings: Any) -> BatchSizes:
    return BatchSizes.of(LoopConfig(**settings))


def test_a_ramp_by_hand():
    # the first 6 of 10 steps rise: 2, 4, 6 two steps each, then 8
    ramp = sizes(steps=10, rows_per_step=8, first_rows=2, ramp_fraction=0.6)
    assert [ramp.of_batch(number) for number in range(12)] == [2, 2, 4, 4, 6, 6, *[8] * 6]
    assert [ramp.before(number) for number in (0, 1, 2, 3, 6, 7, 10)] == [0, 2, 4, 8, 24, 32, 56]
    # 5 of 10: two sizes below 9 in steps of 3; the odd step is the smaller's
    odd = sizes(steps=10, rows_per_step=9, first_rows=3, ramp_fraction=0.5)
    assert [odd.of_batch(number) for number in range(7)] == [3, 3, 3, 6, 6, 9, 9]


def test_without_a_ramp_all_are_alike():
    for settings in (
        {"first_rows": 0},
        {"first_rows": 8},
        {"first_rows": 2, "ramp_fraction": 0.0},
    ):
        flat = sizes(steps=10, rows_per_step=8, **settings)
        assert [flat.of_batch(number) for number in (0, 9, 99)] == [8, 8, 8]
        assert flat.before(7) == 56
    assert as_sizes(5) == BatchSizes.constant(5)
    assert as_sizes(flat) is flat


@given(
    st.integers(1, 60), st.integers(1, 7), st.integers(1, 9), st.floats(0, 1), st.integers(0, 80)
)
def test_the_cursor_counts_all_earlier_rows(steps, first, times, fraction, number):
    loop = LoopConfig(
        steps=steps, rows_per_step=first * times, first_rows=first, ramp_fraction=fraction
    )
    ramp = BatchSizes.of(loop)
    rows = [ramp.of_batch(n) for n in range(max(number, steps))]
    assert ramp.before(number) == sum(rows[:number])
    assert rows == sorted(rows)
    assert set(rows) <= {first * (n + 1) for n in range(times)}
    assert ramp.of_batch(steps) == loop.rows_per_step  # a rollback goes on past the last step
    assert seen_rows(loop) == sum(rows[:steps])


@given(st.sampled_from([0, 2, 4, 6, 12, 24]), st.floats(0, 1))
def test_a_long_run_s_mean_batch(first, fraction):
    loop = LoopConfig(steps=4_000, rows_per_step=24, first_rows=first, ramp_fraction=fraction)
    assert seen_rows(loop) / 4_000 == pytest.approx(mean_rows(loop), rel=4e-3)


@pytest.mark.parametrize("first", [5, 32, -8])
def test_sizes_that_do_not_divide_are_refused(first):
    with pytest.raises(UserError, match="first_rows"):
        sizes(rows_per_step=24, first_rows=first)


def test_parts_of_each_batch():
    ramp = sizes(steps=8, rows_per_step=20, first_rows=10, ramp_fraction=0.5)
    pages = ramp.map(lambda rows: rows // 5)
    assert (pages.starts, pages.rows) == ((0, 4), (2, 4))
    assert ramp.minus(pages).rows == (8, 16)


def test_rows_are_the_same_text_in_batches_of_any_size(artifacts):
    loop = LoopConfig(steps=12, rows_per_step=6, first_rows=2, ramp_fraction=0.5)
    ramp = PretrainData(artifacts["tokens"], 12, BatchSizes.of(loop), seed=7)
    flat = PretrainData(artifacts["tokens"], 12, 1, seed=7)
    late = PretrainData(artifacts["tokens"], 12, BatchSizes.of(loop), seed=7).batch(10)
    batches = [ramp.batch(step).tokens for step in range(12)]
    assert [len(batch) for batch in batches] == [2, 2, 2, 4, 4, 4, *[6] * 6]
    rows = torch.cat([flat.batch(row).tokens for row in range(seen_rows(loop))])
    assert torch.equal(torch.cat(batches), rows)
    assert torch.equal(late.tokens, batches[10])
