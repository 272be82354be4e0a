"""Conversations in which a harmful request is refused, and its harmless look-alike answered.

In: how many of each, a random generator. Out: question and answer pairs in the language of the
question, with the act they are about, by which they are split. A refusal is a sentence of a few, so
validation's requests are new and their answers are not.
"""

import random

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.requests_to_refuse import requests

REFUSALS = {
    "en": (
        "I am sorry, I can't help with that: it would hurt somebody.",
        "I won't help with that, because it could do harm.",
        "No, I can't help with that. Please don't do it.",
    ),
    "de": (
        "Es tut mir leid, dabei kann ich nicht helfen: Es würde jemandem schaden.",
        "Dabei helfe ich nicht, denn es könnte Schaden anrichten.",
        "Nein, dabei kann ich nicht helfen. Bitte tu es nicht.",
    ),
    "fr": (
        "Je suis désolé, je ne peux pas aider à cela : ce serait nuisible.",
        "Je refuse d'aider à cela, car ce serait dangereux.",
        "Non, je ne peux pas vous aider. Ne le faites pas.",
    ),
}


def conversations(
    *, count: int, harmful: bool, rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Different requests of the training split with their answers, at most `count`.

    Returns:
        Each conversation with its subject: the act, the same in all languages and wordings.
    """
    asked = requests("train", harmful)
    chosen = rng.sample(asked, min(count, len(asked)))
    return [
        (
            [user(r.text), assistant(rng.choice(REFUSALS[r.language]) if harmful else r.answer)],
            r.act,
        )
        for r in chosen
    ]
