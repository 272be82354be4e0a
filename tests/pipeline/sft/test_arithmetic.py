"""Sums of every pair of lengths, equally often, with their own results."""

import random
import re

import pytest

from pipeline.curriculum.held_out import sum_split
from pipeline.sft.arithmetic import conversations


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
