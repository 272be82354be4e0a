"""Questions whose answer stands in the question: some statements about a made-up name, then one of
the questions that they answer.

In: facts that pages state. Out: conversations. The names are new in each, so the only way to answer
is to read: which relation is asked for, and whose name is to be repeated. A small model that is
asked for the same few names again and again learns those by heart instead, and answers a question
about another with one of them.
"""

import dataclasses
import random
import re
from collections.abc import Iterable

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.held_out import is_held_out
from pipeline.curriculum.made_up_words import made_up_word
from pipeline.sft.facts import StatedFact, fill, name_of

MOST_STATEMENTS = 3  # about the name, in a question
_DIGITS = re.compile(r"\d+")
_CAPITALISED = re.compile(r"[A-ZÀ-Ý][\w'’-]*")


def made_up_name(
    entity: str, held_out_fraction: float, rng: random.Random, *, held_out: bool = False
) -> str:
    """A name built as the entity's, never one that is held out, or always one.

    Capitalised words are made up, "and Sons" stays.
    """
    own, joined, partners = entity.partition(" and ")
    while True:
        name = _CAPITALISED.sub(lambda _: made_up_word(rng), own) + joined + partners
        if is_held_out(name_of(name), held_out_fraction) == held_out:
            return name


def made_up_value(value: str, rng: random.Random) -> str:
    """A value of the same form that can't be known: other digits, other capitalised words.

    One of common nouns alone stays.
    """
    digits = _DIGITS.sub(lambda found: _number(len(found[0]), rng), value)
    return _CAPITALISED.sub(lambda _: made_up_word(rng), digits)


def _number(digits: int, rng: random.Random) -> str:
    return str(rng.randint(10 ** (digits - 1), 10**digits - 1))


def conversations(
    facts: Iterable[StatedFact], *, count: int, held_out_fraction: float, rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Statements and a question, `count` of them if there is any fact.

    Args:
        facts: from `facts.extract`; their wordings and values are used, their entities are not.
        count: of conversations.
        held_out_fraction: of entities, by a hash of the name.
        rng: the random generator.

    Returns:
        Each conversation with its subject, by which it is split: the entity whose facts it borrows.
    """
    known: dict[str, list[StatedFact]] = {}
    for fact in facts:
        name = name_of(fact.entity)
        if not is_held_out(name, held_out_fraction):
            known.setdefault(name, []).append(fact)
    names = list(known)
    made: list[tuple[list[Message], str]] = []
    while names and len(made) < count:
        borrowed = rng.choice(names)
        pool = known[borrowed]
        chosen = rng.sample(pool, min(len(pool), rng.randint(1, MOST_STATEMENTS)))
        name = made_up_name(chosen[0].entity, held_out_fraction, rng)
        stated = [dataclasses.replace(fact, entity=name) for fact in chosen]
        text = [fill(rng.choice(fact.relation.answers), fact) for fact in stated]
        asked = rng.choice(stated)
        question = fill(rng.choice(asked.relation.questions), asked)
        answer = fill(rng.choice(asked.relation.answers), asked)
        made.append(([user(" ".join([*text, question])), assistant(answer)], borrowed))
    return made
