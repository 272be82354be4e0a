"""Hosts held out by their names alone, at least one and never all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.config import SplitConfig
from pipeline.corpus.split import host_numbers, is_validation, validation_hosts, validation_limit

HOSTS = [f"host{number}.example" for number in range(2000)]


def test_the_share_is_about_right_and_salts_differ():
    held = validation_hosts(HOSTS, SplitConfig(validation_fraction=0.1))
    assert 150 < len(held) < 250
    other = validation_hosts(HOSTS, SplitConfig(validation_fraction=0.1, salt="other"))
    assert len(held & other) < 60


@given(
    st.lists(st.text(max_size=8), max_size=20), st.floats(0, 1), st.randoms(use_true_random=False)
)
def test_at_least_one_never_all_and_no_order(hosts, fraction, draw):
    config = SplitConfig(validation_fraction=fraction)
    held = validation_hosts(hosts, config)
    shuffled = list(hosts)
    draw.shuffle(shuffled)
    assert validation_hosts(shuffled, config) == held
    different = len(set(hosts))
    assert held <= set(hosts)
    assert (1 <= len(held) < different) if different >= 2 else not held


def test_other_hosts_do_not_move_a_host_across_the_line():
    config = SplitConfig(validation_fraction=0.1)
    few, many = validation_hosts(HOSTS[:500], config), validation_hosts(HOSTS, config)
    assert few == many & set(HOSTS[:500])


def test_numbers_of_many_parts_give_the_same_hosts():
    config = SplitConfig(validation_fraction=0.1)
    known = np.empty(0, dtype=np.uint64)
    for start in range(0, 2000, 300):
        known = np.union1d(known, host_numbers(HOSTS[start : start + 350], config.salt))
    limit = validation_limit(known, config)
    held = is_validation(HOSTS, limit, config)
    assert {host for host, out in zip(HOSTS, held) if out} == validation_hosts(HOSTS, config)
    assert host_numbers([], "x").dtype == np.uint64
