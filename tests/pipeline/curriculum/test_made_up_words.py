"""Made-up words: of the shape that is promised, hardly ever twice, and the seed's alone."""

import random
import re

from pipeline.curriculum.made_up_words import made_up_word


def test_they_are_one_capitalised_word_of_syllables() -> None:
    rng = random.Random(3)
    for _ in range(500):
        word = made_up_word(rng)
        assert re.fullmatch(r"[A-Z][a-z]*[aeiou][b-z][a-z]*", word), word
        assert 3 <= len(word) <= 8, word


def test_hardly_one_comes_twice() -> None:
    rng = random.Random(5)
    words = [made_up_word(rng) for _ in range(1000)]
    assert len(set(words)) > 950


def test_the_generator_decides() -> None:
    first, again, other = (random.Random(seed) for seed in (1, 1, 2))
    words = [made_up_word(first) for _ in range(20)]
    assert words == [made_up_word(again) for _ in range(20)]
    assert words != [made_up_word(other) for _ in range(20)]
