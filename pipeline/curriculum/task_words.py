"""Words for tasks on letters: everyday ones and made-up ones, by length and by split.

A model that never sees letters knows an everyday word's from its pages; a made-up one's must be
read off its tokens. Both are split as words to be spelled are: a worked solution spells its word,
and so shows what `evaluation` asks others to spell.
"""

import random

from pipeline.curriculum.held_out import word_split
from pipeline.curriculum.spelled_words import SPELLING_WORDS

LETTERS = ((3, 4), (5, 6), (7, 8), (9, 10))  # the fewest and the most, by level
LEVELS = len(LETTERS)
MADE_UP_SHARE = 0.5
_CONSONANTS, _VOWELS = "bcdfghklmnprstvw", "aeiou"


def draw_word(level: int, split: str, rng: random.Random) -> str:
    """A word of the level's length."""
    least, most = LETTERS[level - 1]
    known = [w for w in SPELLING_WORDS if least <= len(w) <= most and word_split(w) == split]
    if known and rng.random() >= MADE_UP_SHARE:
        return rng.choice(known)
    while True:
        word = _made_up(rng.randint(least, most), rng)
        if word_split(word) == split:
            return word


def _made_up(letters: int, rng: random.Random) -> str:
    """Consonants and vowels in turn; now and then a letter stands twice, as letters do."""
    word = ""
    while len(word) < letters:
        turn = _VOWELS if word and word[-1] not in _VOWELS else _CONSONANTS
        letter = rng.choice(turn)
        word += letter * 2 if rng.random() < 0.1 and word else letter
    return word[:letters]
