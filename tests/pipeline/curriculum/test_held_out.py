"""Splits by hash: fixed, disjoint, of the promised size."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum import held_out


@given(st.text(max_size=20).filter(lambda s: s.isprintable()))
def test_an_entity_is_held_out_by_the_rule_written_down(name):
    digest = hashlib.sha256(f"held-out:{name}".encode()).digest()[:8]
    expected = int.from_bytes(digest, "big") / 2**64 < 0.2
    assert held_out.is_held_out(name) == expected
    assert not held_out.is_held_out(name, 0.0)
    assert held_out.is_held_out(name, 1.0)


def test_what_is_left_to_interrogation_is_another_draw():
    names = [f"name {n}" for n in range(4_000)]
    left = {name for name in names if held_out.is_left_to_interrogation(name)}
    held = {name for name in names if held_out.is_held_out(name)}
    assert abs(len(left) / 4_000 - 0.2) < 0.03
    assert abs(len(left & held) / 4_000 - 0.2 * 0.2) < 0.015  # neither within the other


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_sum_and_its_mirror_share_a_split(a, b):
    assert held_out.sum_split(a, b) == held_out.sum_split(b, a)


def test_splits_have_their_sizes():
    splits = [held_out.sum_split(a, b) for a in range(100, 200) for b in range(200, 260)]
    assert 0.08 < splits.count("evaluation") / len(splits) < 0.12
    assert 0.27 < splits.count("rl") / len(splits) < 0.33
    assert splits.count("sft") + splits.count("rl") + splits.count("evaluation") == len(splits)
    assert {held_out.word_split(f"word{i}") for i in range(100)} == {"evaluation", "rl", "sft"}


def test_a_position_is_the_first_eight_bytes_of_the_hash():
    # sha256("abc") = ba7816bf 8f01cfea … (FIPS 180-2, appendix B.1)
    assert held_out.position("abc") == 0xBA7816BF8F01CFEA / 2**64


def test_words_are_split_by_the_same_shares_whatever_their_case():
    splits = [held_out.word_split(f"word{n}") for n in range(4000)]
    assert 0.08 < splits.count("evaluation") / 4000 < 0.12
    assert 0.27 < splits.count("rl") / 4000 < 0.33
    assert splits == [held_out.word_split(f"Word{n}") for n in range(4000)]


def test_what_has_no_subject_trains():
    assert not held_out.is_validation("", 1.0)
    assert held_out.is_validation("Elbe", 1.0)
    assert not held_out.is_validation("Elbe", 0.0)
