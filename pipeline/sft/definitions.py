"""Conversations from definitions: "X is a Y …" at the start of a sentence says what X is.

In: documents of the corpus. Out: question and answer pairs. An entity's first definition is kept,
whole, as the answer; held-out entities are left out, as in the other sources.
"""

import random
import re
from collections.abc import Iterable

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.held_out import is_held_out
from pipeline.sft.facts import is_name, name_of, sentences
from pipeline.sft.grammar import ENTITY

_DEFINITION = re.compile(rf"^{ENTITY} (?:is|was) (?P<what>(?:an?|one of the) \w.*)\.$")
# what a definition says of a person begins with such a noun within its first words
_PERSON = re.compile(
    r"^an?(?: [\w-]+){0,3}? (?:[a-z]{3,}(?:er|or|ist|ian|smith|wright)|person|woman|man|nurse|cook|"
    r"farmhand|apprentice|chemist|chef|scientist|poet|clerk)\b",
    re.IGNORECASE,
)
# adjectives and places with the same endings
_NO_PERSON = re.compile(
    r"\b(?:river|harbour|tower|other|larger|smaller|older|former|minor|major|water|quarter|border)\b"
)
QUESTIONS = ("{Who} is {entity}?", "Tell me about {entity}.", "Do you know {entity}?")
MAX_CHARACTERS = 160


def is_person(what: str) -> bool:
    """Whether a definition's predicate describes a person, so that one asks "who"."""
    return bool(_PERSON.match(what)) and not _NO_PERSON.search(what)


def extract(documents: Iterable[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """The first definition of each entity: (entity, predicate, sentence, document id)."""
    found: dict[str, tuple[str, str, str, str]] = {}
    for document, text in documents:
        for sentence in sentences(text):
            match = _DEFINITION.match(sentence) if len(sentence) <= MAX_CHARACTERS else None
            if match is not None and is_name(name_of(match["entity"])):
                entity = match["entity"]
                name = name_of(entity)
                shown = f"the {name}" if name != entity else name
                found.setdefault(name, (shown, match["what"], sentence, document))
    return list(found.values())


def conversations(
    documents: Iterable[tuple[str, str]],
    *,
    count: int,
    held_out_fraction: float,
    rng: random.Random,
) -> list[tuple[list[Message], str, str]]:
    """Questions and answers about what things are, at most `count`.

    Returns:
        Each conversation with the id of its document and its entity.
    """
    pool = [
        found
        for found in extract(documents)
        if not is_held_out(name_of(found[0]), held_out_fraction)
    ]
    rng.shuffle(pool)
    made = []
    for entity, what, sentence, document in pool[:count]:
        question = rng.choice(QUESTIONS).format(
            entity=entity, Who="Who" if is_person(what) else "What"
        )
        made.append(([user(question), assistant(sentence)], document, name_of(entity)))
    return made
