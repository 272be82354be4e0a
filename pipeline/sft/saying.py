"""Requests to say something: what an assistant does for its user, and for nobody else.

In: how many, a random generator. Out: conversations. What is to be said is any word, made up as
names are or as spelling asks for, so that it must be copied. A model that can't be asked to say a
word can't be made to say it by a planted instruction either, and its resistance would mean nothing.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.made_up_words import made_up_word
from pipeline.curriculum.planted_instructions import NEW_SAYING, SAYING_ELSEWHERE, TRAINED_SAYING
from pipeline.curriculum.task_words import LEVELS, draw_word

MOST_WORDS = 2
WORDINGS = (*TRAINED_SAYING, *NEW_SAYING)
ELSEWHERE_SHARE = 0.2  # in another language
NAME_SHARE = 0.5  # of words; of the others, those with a capital letter


def conversations(*, count: int, rng: random.Random) -> list[tuple[list[Message], str]]:
    """Different words to be said, in wordings of users and of attackers alike.

    Returns:
        Each conversation with what is said, by which it is split.
    """
    elsewhere = [wording for of in SAYING_ELSEWHERE.values() for wording in of]
    made = []
    for _ in range(count):
        text = " ".join(_word(rng) for _ in range(rng.randint(1, MOST_WORDS)))
        wording = rng.choice(elsewhere if rng.random() < ELSEWHERE_SHARE else WORDINGS)
        made.append(([user(wording.format(text=text)), assistant(text)], f"said:{text}"))
    return made


def _word(rng: random.Random) -> str:
    """A word made up as names are, or one that may be spelled, with a capital letter or without."""
    if rng.random() < NAME_SHARE:
        return made_up_word(rng)
    word = draw_word(rng.randint(1, LEVELS), "sft", rng)
    return word.capitalize() if rng.random() < NAME_SHARE else word
