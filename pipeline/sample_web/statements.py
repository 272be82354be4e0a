"""How often each fact has been stated, and the sentence that states it next.

A fact that is stated often is stated until all pages are written, the least stated fact first; one
stated once has a single sentence; one never stated is refused here, so no page can leak it.
"""

import random
from collections.abc import Callable, Iterable, Mapping

from pipeline.sample_web.prose import expand
from pipeline.sample_web.questions import QUESTIONS
from pipeline.sample_web.reversed_statements import REVERSED
from pipeline.sample_web.wordings import LEADS, PERSON_TAILS, STATEMENTS, TAILS
from pipeline.sample_web.world import Entity, Fact, World

LEAD_SHARE = 0.2  # of statements, with a clause before
TAIL_SHARE = 0.22  # of statements, with a clause after
REVERSED_SHARE = 0.25  # of the statements of a fact that has some: the value comes first
_VALUE_KINDS = {
    "birth_year": "year",
    "founded": "year",
    "opened": "year",
    "mayor": "person",
    "founder": "person",
    "birthplace": "place",
    "seat": "place",
    "source": "place",
    "mouth": "place",
    "length": "length",
}


class Ledger:
    """Counts of statements and questions over the whole crawl."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stated = [0] * len(world.facts)
        self.asked = [0] * len(world.facts)
        self.passed = [0] * len(world.entities)  # mentions of those of whom nothing is told

    def statable(self, entity: Entity, used: Iterable[int]) -> list[Fact]:
        """Facts of an entity that may still be stated on this page, the least stated first."""
        facts = [
            fact
            for fact in entity.facts.values()
            if fact.number not in used
            and (
                fact.frequency == "often"
                or (fact.frequency == "once" and not self.stated[fact.number])
            )
        ]
        return sorted(facts, key=lambda fact: self.stated[fact.number])

    def need(self, entity: Entity) -> float:
        """How often its least stated fact is stated: the lower, the sooner it gets a page."""
        often = [self.stated[f.number] for f in entity.facts.values() if f.frequency == "often"]
        return min(often) if often else float("inf")

    def neediest(
        self, kinds: Iterable[str], rng: random.Random, skip: Callable[[Entity], bool]
    ) -> Entity | None:
        """An often-stated entity of these kinds with few statements so far."""
        wanted = set(kinds)
        best, best_need = None, float("inf")
        for entity in self.world.entities:
            if entity.kind in wanted and entity.frequency == "often" and not skip(entity):
                need = self.need(entity) + 3.0 * rng.random()
                if need < best_need:
                    best, best_need = entity, need
        return best


def statement(
    fact: Fact, rng: random.Random, slots: Mapping[str, str] | None = None, pronoun: str = ""
) -> str:
    """A sentence that states the fact, in any wording but the held-out one.

    With `slots` (the entity's) it may have a clause before or after; with `pronoun` the name is
    replaced if the wording begins with it, which is then not counted as a statement.
    """
    if fact.reversed and rng.random() < REVERSED_SHARE:
        text = rng.choice(REVERSED[fact.attribute]).format(e=fact.entity, v=fact.value)
        return text[:1].upper() + text[1:] + "."
    wordings = STATEMENTS[fact.attribute]
    index = int(rng.random() * (len(wordings) - 1))
    wording = wordings[index + (index >= fact.held_out)]
    if pronoun and wording.startswith(("{e} ", "the {e} ")):
        text = pronoun + wording[wording.index("}") + 1 :].format(v=fact.value)
    else:
        text = wording.format(e=fact.entity, v=fact.value)
    if slots is not None:
        draw = rng.random()  # a clause before or after, never both
        if draw < LEAD_SHARE and wording.startswith(("the ", "{e}")) and " that " not in wording:
            text = expand(LEADS[int(rng.random() * len(LEADS))], rng) + text
        elif draw > 1 - TAIL_SHARE:
            tails = TAILS[_VALUE_KINDS.get(fact.attribute, "thing")]
            if fact.attribute in PERSON_TAILS and rng.random() < 0.6:
                tails = PERSON_TAILS[fact.attribute]
            text += expand(tails[int(rng.random() * len(tails))], rng, slots)
    return text[:1].upper() + text[1:] + "."


def question(fact: Fact, rng: random.Random) -> str:
    """A question for the fact, in any wording but the held-out one."""
    wordings = QUESTIONS[fact.attribute]
    index = int(rng.random() * (len(wordings) - 1))
    return wordings[index + (index >= fact.held_out_question)].format(e=fact.entity)


def count_statements(fact: Fact, text: str) -> int:
    """Statements of the fact in a text, in any wording: the independent check of the ledger."""
    total = 0
    for wording in (*STATEMENTS[fact.attribute], *REVERSED[fact.attribute]):
        needle = wording.format(e=fact.entity, v=fact.value)
        start = text.find(needle[1:])
        while start >= 0:
            end = start + len(needle) - 1
            total += not text[end : end + 1].isalnum()
            start = text.find(needle[1:], end)
    return total
