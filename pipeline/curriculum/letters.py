"""Letters of words: to spell one, to count one letter in it, to write it backwards.

In: a level, a split. Out: a task. Level 1: words of 3 or 4 letters, 2: 5 or 6, 3: 7 or 8, 4: 9 or
10, everyday ones and made-up ones. Each is worked by spelling the word first, for a model sees
tokens and never letters; counting goes through the word and says the count at each hit.
"""

import random
import string

from pipeline.curriculum.spelled_words import (
    NEW_SPELLING_QUESTIONS,
    SPELLING_QUESTIONS,
    spelled,
    spelling_answer,
)
from pipeline.curriculum.task_type import Task
from pipeline.curriculum.task_words import LETTERS, draw_word

LEVELS = len(LETTERS)
# Of the questions, those for a letter that the word hasn't, and for one that stands in it more than
# once; the others stand once. Most letters of a word do: drawn alike, "1" would be right at 80%.
ABSENT_SHARE, REPEATED_SHARE = 0.2, 0.4
COUNT_CHANCE = 0.4  # always answering 1
MOST_DRAWS = 200  # of a word with a letter twice
COUNT_WORDINGS = (
    "How many times does the letter {letter} occur in {word}?",
    "How often is {letter} in {word}?",
    "Count the letter {letter} in {word}.",
    "How many {letter} are there in {word}?",
    "How many times is the letter {letter} used in the word {word}?",
)
NEW_COUNT_WORDINGS = (
    "If I write {word}, how often do I write {letter}?",
    "Tell me the number of letters {letter} that {word} has.",
)
REVERSE_WORDINGS = (
    "Write {word} backwards.",
    "What is {word} backwards?",
    "Reverse the word {word}.",
    "Spell {word} in reverse.",
    "What do you get when you turn {word} round?",
)
NEW_REVERSE_WORDINGS = (
    "Read {word} from its last letter to its first. What does it say?",
    "How does {word} look in a mirror, letter by letter?",
)


def spelling_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A word to be spelled."""
    word = draw_word(level, split, rng)
    wordings = NEW_SPELLING_QUESTIONS if new_wording else SPELLING_QUESTIONS
    asked = rng.choice(wordings).format(word=word)
    return Task(
        asked,
        spelled(word),
        "spelling",
        len(word),
        level=level,
        problem=f"word:{word}",
        solution=spelling_answer(word),
    )


def counting_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A letter to be counted in a word."""
    word, letter = word_and_letter(level, split, rng)
    wordings = NEW_COUNT_WORDINGS if new_wording else COUNT_WORDINGS
    return Task(
        rng.choice(wordings).format(word=word, letter=letter),
        str(word.count(letter)),
        "letter_count",
        len(word),
        level=level,
        problem=f"word:{word}",
        solution=counted(word, letter),
    )


def word_and_letter(level: int, split: str, rng: random.Random) -> tuple[str, str]:
    """A word and a letter: one that the word hasn't, has once or has more than once."""
    word, where = draw_word(level, split, rng), rng.random()
    for _ in range(MOST_DRAWS):
        counts = {letter: word.count(letter) for letter in string.ascii_lowercase}
        if where < ABSENT_SHARE:
            letters = [letter for letter, times in counts.items() if not times]
        elif where < ABSENT_SHARE + REPEATED_SHARE:
            letters = [letter for letter, times in counts.items() if times > 1]
        else:
            letters = [letter for letter, times in counts.items() if times == 1]
        if letters:
            break
        word = draw_word(level, split, rng)
    return word, rng.choice(letters or sorted({*word}))


def counted(word: str, letter: str) -> str:
    """The word spelled, the count at each hit, the answer."""
    hits = word.count(letter)
    steps = ", ".join(f"{letter} {number}" for number in range(1, hits + 1)) or f"no {letter}"
    return f"{spelled(word)}: {steps}. So {hits}."


def reversing_task(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
    """A word to be written backwards; none that reads the same."""
    word = draw_word(level, split, rng)
    while word == word[::-1]:
        word = draw_word(level, split, rng)
    wordings = NEW_REVERSE_WORDINGS if new_wording else REVERSE_WORDINGS
    back = word[::-1]
    return Task(
        rng.choice(wordings).format(word=word),
        back,
        "reversing",
        len(word),
        level=level,
        problem=f"word:{word}",
        solution=f"{spelled(word)}. From the end {spelled(back)}. So {back}.",
    )
