"""Passages of pages with somebody else in them: what can't be known, in the words of real pages.

In: facts that pages state, the pages. Out: passages that state a fact, in which the entity has a
made-up name, and in half of them the value another one as well. A question about that name can be
answered from the passage and from nothing else.
"""

import dataclasses
import random
import re
from collections.abc import Iterable, Sequence

from pipeline.curriculum.held_out import is_held_out
from pipeline.sft.facts import StatedFact, name_of
from pipeline.sft.reading import made_up_name, made_up_value
from pipeline.tools.search_passages import cut

MADE_UP_VALUES = 0.5  # of passages: what is guessed from what pages say is wrong there


@dataclasses.dataclass(frozen=True)
class RenamedPassage:
    """A passage, and the fact of the made-up name that it states."""

    fact: StatedFact
    text: str
    borrowed: str  # the entity that stood there


@dataclasses.dataclass(frozen=True)
class StatingPassage:
    """A passage as it is, and a fact that it states."""

    fact: StatedFact
    text: str


def stating(
    facts: Sequence[StatedFact],
    documents: Iterable[tuple[str, str]],
    *,
    characters: int,
    held_out_fraction: float,
) -> list[StatingPassage]:
    """The passages that hold both name and value of a fact, in the documents' order.

    Args:
        facts: from `facts.extract`, with the documents that state them.
        documents: id and text of each.
        characters: of a passage, at most.
        held_out_fraction: of entities, by a hash of the name: they are left out.
    """
    wanted: dict[str, list[StatedFact]] = {}
    for fact in facts:
        if not is_held_out(name_of(fact.entity), held_out_fraction):
            for document in fact.documents:
                wanted.setdefault(document, []).append(fact)
    found = []
    for document, text in documents:
        for passage in cut(text, characters) if document in wanted else ():
            found += [
                StatingPassage(fact, passage.text)
                for fact in wanted[document]
                if _holds(passage.text, name_of(fact.entity)) and _holds(passage.text, fact.value)
            ]
    return found


def renamed(
    passages: Sequence[StatingPassage],
    *,
    count: int,
    held_out_fraction: float,
    rng: random.Random,
) -> list[RenamedPassage]:
    """Passages with a name of its own in each, `count` of them if there are any.

    Entities come equally often, whatever number of passages they have. A passage whose fact doesn't
    survive the renaming is left out, and another one taken.

    Args:
        passages: from `stating`.
        count: how many.
        held_out_fraction: as there: no made-up name is held out.
        rng: the random generator.
    """
    by_name: dict[str, list[StatingPassage]] = {}
    for passage in passages:
        by_name.setdefault(name_of(passage.fact.entity), []).append(passage)
    names, made = list(by_name), list[RenamedPassage]()
    for _ in range(2 * count if names else 0):
        if len(made) == count:
            break
        name = rng.choice(names)
        passage = rng.choice(by_name[name])
        entity = made_up_name(passage.fact.entity, held_out_fraction, rng)
        text = _renamed(passage.text, name, name_of(entity))
        value = passage.fact.value
        if rng.random() < MADE_UP_VALUES:
            value = made_up_value(value, rng)
            text = _renamed(text, passage.fact.value, value)
        fact = dataclasses.replace(passage.fact, entity=entity, value=value)
        if _holds(text, name_of(entity)) and _holds(text, fact.value):
            made.append(RenamedPassage(fact, text, name))
    return made


def _renamed(text: str, old: str, new: str) -> str:
    """The text with another name: whole, then each of its words that has changed."""
    pairs = [(old, new), *zip(old.split(), new.split())]
    for before, after in pairs:
        if before != after:
            text = re.sub(rf"(?<!\w){re.escape(before)}(?!\w)", after, text)
    return text


def _holds(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None
