"""Sums of every pair of lengths, equally often, with their own results, of one split alone."""

import random
import re

import pytest

from pipeline.sft.arithmetic import conversations, draw_sum, lengths, operand
from pipeline.sft.held_out import sum_split


@pytest.mark.parametrize(("digits", "low", "high"), [(1, 0, 9), (2, 10, 99), (3, 100, 999)])
def test_an_operand_has_exactly_so_many_digits(digits: int, low: int, high: int) -> None:
    rng = random.Random("digits")
    drawn = [operand(digits, rng) for _ in range(12000)]
    assert (min(drawn), max(drawn)) == (low, high)
    assert len(set(drawn)) == high - low + 1


def test_lengths_are_all_pairs_whose_longer_one_has_so_many_digits() -> None:
    assert lengths(1) == [(1, 1)]
    assert sorted(lengths(3)) == [(1, 3), (2, 3), (3, 1), (3, 2), (3, 3)]


@pytest.mark.parametrize("split", ["sft", "rl", "evaluation"])
def test_both_operands_have_their_own_length_and_the_sum_its_split(split: str) -> None:
    rng = random.Random(split)
    for _ in range(50):
        a, b = draw_sum((3, 2), split, rng)
        assert (len(str(a)), len(str(b))) == (3, 2)
        assert sum_split(a, b) == split


def test_conversations_take_the_pairs_of_lengths_in_turn_and_state_the_result() -> None:
    made = conversations(count=18, worked_share=0.5, max_digits=3, rng=random.Random("x"))
    assert len(made) == 18
    seen = []
    for (question, answer), subject in made:
        a, b = map(int, re.findall(r"\d+", question.content)[:2])
        seen.append((len(str(a)), len(str(b))))
        assert subject == str(a + b)
        assert re.findall(r"\d+", answer.content)[-1] == str(a + b)
        assert sum_split(a, b) == "sft"
    nine = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3)]
    assert sorted(seen[:9]) == sorted(seen[9:]) == nine


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_worked_sums(share: float) -> None:
    made = conversations(count=20, worked_share=share, max_digits=4, rng=random.Random("x"))
    columns = [": " in answer.content for (_, answer), _ in made]
    assert set(columns) == {share == 1.0}
