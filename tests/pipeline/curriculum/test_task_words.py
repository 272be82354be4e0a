"""Words have the level's length and the split's hash; half of them stand in no dictionary."""

import itertools
import random

import pytest

from pipeline.curriculum.held_out import SPLITS, word_split
from pipeline.curriculum.spelled_words import SPELLING_WORDS
from pipeline.curriculum.task_words import LETTERS, MADE_UP_SHARE, draw_word


@pytest.mark.parametrize("level", range(1, len(LETTERS) + 1))
@pytest.mark.parametrize("split", SPLITS)
def test_words_are_of_their_length_and_split(level: int, split: str) -> None:
    rng = random.Random(f"{level}{split}")
    words = [draw_word(level, split, rng) for _ in range(300)]
    least, most = LETTERS[level - 1]
    assert {len(word) for word in words} == set(range(least, most + 1))
    assert {word_split(word) for word in words} == {split}
    assert all(word.isalpha() and word.islower() and word.isascii() for word in words)
    known = [w for w in SPELLING_WORDS if least <= len(w) <= most and word_split(w) == split]
    everyday = sum(word in SPELLING_WORDS for word in words) / len(words)
    assert abs(everyday - (1 - MADE_UP_SHARE)) < 0.12 if known else not everyday


def test_made_up_words_have_doubled_letters_now_and_then() -> None:
    rng = random.Random(0)
    words = [draw_word(4, "sft", rng) for _ in range(400)]
    made_up = [word for word in words if word not in SPELLING_WORDS]
    assert any(a == b for word in made_up for a, b in itertools.pairwise(word))
    assert len({*made_up}) > 0.95 * len(made_up)
