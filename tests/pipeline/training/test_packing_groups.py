"""Groups of rows: every token in one of them, whatever the borders fall into, an even mixture."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.packing_groups import GroupLimits, Groups

SIZES = st.lists(st.integers(0, 90), min_size=1, max_size=6)
LIMITS = st.builds(
    GroupLimits, st.integers(1, 150), st.integers(1, 1000), block_tokens=st.integers(1, 40)
)


@given(SIZES, LIMITS, st.integers(1, 12), st.integers(0, 3), st.integers(0, 2))
def test_an_epochs_groups_hold_every_token_once(sizes, limits, row_length, seed, epoch):
    groups = Groups(sizes, 40, row_length, seed, limits)
    tokens = sum(sizes)
    if tokens < row_length:
        return  # refused before: no row at all
    used = []
    for group in range(groups.count):
        ranges = groups.ranges(epoch, group)
        held = sum(r.end - r.begin for r in ranges)
        # as many tokens as its rows take, the last one the rest of less than a row as well
        rows = min(groups.rows_per_group, groups.rows_per_epoch - group * groups.rows_per_group)
        assert rows > 0
        rest = tokens % row_length if group + 1 == groups.count else 0
        assert held == rows * row_length + rest
        assert all(r.begin < r.end for r in ranges)
        # neighbours are joined: no document is cut where nothing is between
        joints = itertools.pairwise(ranges)
        assert all((a.shard, a.end) < (b.shard, b.begin) for a, b in joints)
        used += [(r.shard, token) for r in ranges for token in range(r.begin, r.end)]
    assert sorted(used) == [(s, token) for s, size in enumerate(sizes) for token in range(size)]


@given(st.integers(0, 10_000), LIMITS)
def test_a_rows_place_follows_from_its_number(row, limits):
    groups = Groups([500, 300], 40, 9, 1, limits)
    epoch, group, place = groups.position(row)
    assert 0 <= group < groups.count
    assert 0 <= place < groups.rows_per_group
    rows = epoch * groups.rows_per_epoch + group * groups.rows_per_group + place
    assert rows == row


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        (GroupLimits(1_000, 50, 64), 1),
        (GroupLimits(999, 50, 64), 2),  # by tokens
        (GroupLimits(1_000, 49, 64), 2),  # by documents: 20 tokens each
        (GroupLimits(100, 50, 64), 10),
    ],
)
def test_a_group_keeps_its_limits(limits, count):
    groups = Groups([600, 400], 50, 10, 0, limits)
    assert groups.count == count
    assert groups.rows_per_group * 10 <= limits.tokens


def test_one_group_is_the_whole_corpus_in_its_order_and_numpys_seed():
    groups = Groups([600, 400], 50, 10, 3)
    assert groups.ranges(4, 0) == [(0, 0, 600), (1, 0, 400)]
    assert groups.generator(4, 0).random() == np.random.default_rng([3, 4]).random()


def test_each_group_of_each_epoch_draws_its_own_numbers():
    groups = Groups([4000], 100, 10, 5, GroupLimits(1000, 1000, 50))
    # the one behind the last draws the order of the blocks
    places = [(epoch, group) for epoch in range(3) for group in range(groups.count + 1)]
    assert len({groups.generator(*place).random() for place in places}) == len(places)


def test_groups_differ_between_epochs_and_seeds_and_agree_between_objects():
    def order(seed, epoch):
        groups = Groups([4000], 100, 10, seed, GroupLimits(1000, 1000, 50))
        return [groups.ranges(epoch, group) for group in range(groups.count)]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_each_group_has_its_share_of_every_region():
    """Four shards, as of four languages, in eight groups: each has as much of each shard."""
    groups = Groups([800, 800, 1600, 800], 400, 10, 7, GroupLimits(500, 10_000, 20))
    assert groups.count == 8
    for group in range(8):
        shares = [0, 0, 0, 0]
        for shard, begin, end in groups.ranges(0, group):
            shares[shard] += end - begin
        assert shares == [100, 100, 200, 100]
