"""Pauses double up to the longest, and no two are alike."""

import pytest

from storage.backoff import pause_seconds


@pytest.mark.parametrize(
    ("failures", "middle"), [(1, 0.5), (2, 1.0), (5, 8.0), (6, 10.0), (7, 10.0), (5_000, 10.0)]
)
def test_pauses_double_up_to_the_longest_and_chance_spreads_them(failures, middle):
    drawn = [pause_seconds(failures, 0.5, 10.0) for _ in range(500)]
    assert all(0.5 * middle <= seconds <= 1.5 * middle for seconds in drawn)
    assert min(drawn) < 0.75 * middle < 1.25 * middle < max(drawn)


def test_without_a_first_pause_there_is_none():
    assert pause_seconds(9, 0.0, 10.0) == 0.0
