"""A page before it becomes HTML, and the builder that keeps it free of repetition while it grows.

The builder remembers which facts, templates and names the page has used. Everything it draws comes
from one `random.Random`, so a page depends on the seed, its number and the counts before it.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence

from pipeline.sample_web import text_people, text_places
from pipeline.sample_web.prose import expand
from pipeline.sample_web.statements import Ledger, count_statements, question, statement
from pipeline.sample_web.world import Entity, Fact

FILLERS = {
    "person": text_people.LIFE,
    "town": text_places.TOWN,
    "river": text_places.RIVER,
    "company": text_places.COMPANY,
}
MEETINGS = {
    "person": text_people.MEETING,
    "town": text_places.TOWN_MEETING,
    "river": text_places.RIVER_MEETING,
    "company": text_places.COMPANY_MEETING,
}
PASSINGS = {
    "person": text_people.PASSING,
    "town": text_places.TOWN_PASSING,
    "river": text_places.RIVER_PASSING,
    "company": text_places.COMPANY_PASSING,
}
KINDS = tuple(FILLERS)
PRONOUN_SHARE = 0.25  # of statements after the first about somebody: "she", where that fits


@dataclasses.dataclass(frozen=True)
class Block:
    """One line of the main text: `p` a paragraph, `h` a heading, `post` a post in a thread."""

    tag: str
    text: str


@dataclasses.dataclass(frozen=True)
class Page:
    kind: str
    title: str
    blocks: tuple[Block, ...]
    language: str = "en"
    stated: tuple[int, ...] = ()  # fact numbers
    asked: tuple[int, ...] = ()
    pii: tuple[tuple[str, str], ...] = ()  # planted: kind, value
    once: bool = False  # states a fact that is stated only once: never duplicated

    @property
    def main_text(self) -> str:
        return "\n".join(block.text for block in self.blocks)


class Builder:
    """Writes one page sentence by sentence; `finish` returns it."""

    def __init__(self, kind: str, rng: random.Random, ledger: Ledger) -> None:
        self.kind = kind
        self.rng = rng
        self.ledger = ledger
        self.blocks: list[Block] = []
        self.stated: list[int] = []
        self.asked: list[int] = []
        self.entities: list[int] = []
        self.once = False
        self._templates: dict[str, None] = {}

    def draw(self, bank: Sequence[str], slots: Mapping[str, str] | None = None) -> str:
        """A sentence from a template that this page has not used yet, as long as there are any."""
        for _ in range(12):
            template = bank[int(self.rng.random() * len(bank))]
            if template not in self._templates:
                break
        self._templates[template] = None
        return expand(template, self.rng, slots)

    def add(self, *sentences: str, tag: str = "p") -> None:
        self.blocks.append(Block(tag, " ".join(sentences)))

    def state(self, fact: Fact, slots: Mapping[str, str] | None = None, pronoun: str = "") -> str:
        text = statement(fact, self.rng, slots, pronoun)
        self.stated.append(fact.number)
        self.ledger.stated[fact.number] += count_statements(fact, text)
        self.once = self.once or fact.frequency == "once"
        return text

    def ask(self, fact: Fact) -> str:
        self.asked.append(fact.number)
        self.ledger.asked[fact.number] += 1
        return question(fact, self.rng)

    def facts(self, entity: Entity, count: int) -> list[Fact]:
        """The least stated facts of an entity, in random order."""
        chosen = self.ledger.statable(entity, self.stated)[:count]
        self.rng.shuffle(chosen)
        return chosen

    def use(self, entity: Entity) -> Entity:
        self.entities.append(entity.number)
        return entity

    def pick(self, *kinds: str) -> Entity | None:
        """An entity this page has not been about yet."""
        chosen = self.ledger.neediest(
            kinds or KINDS, self.rng, lambda entity: entity.number in self.entities
        )
        return self.use(chosen) if chosen else None

    def related(self, entity: Entity, *kinds: str) -> Entity | None:
        """A related entity that is often stated, else the one with the fewest statements."""
        names = {fact.value for fact in entity.facts.values() if fact.frequency != "never"}
        near = [
            other
            for other in self.ledger.world.entities
            if other.kind in (kinds or KINDS)
            and other.frequency == "often"
            and other.number not in self.entities
            and (
                other.name in names
                or any(
                    fact.value == entity.name and fact.frequency == "often"
                    for fact in other.facts.values()
                )
            )
        ]
        neediest = self.pick(*kinds)
        if neediest is None or not near:
            return neediest
        close = min(near, key=self.ledger.need)
        if self.ledger.need(close) > self.ledger.need(neediest) + 5:
            return neediest
        self.entities.remove(neediest.number)
        return self.use(close)

    def portrait(self, entity: Entity, facts: int, fillers: int, meet: bool = False) -> list[str]:
        """Sentences about an entity: its facts, with life between them."""
        slots = entity.slots()
        sentences = [self.draw(MEETINGS[entity.kind], slots)] if meet else []
        plan: list[Fact | None] = [*self.facts(entity, facts), *[None] * fillers]
        head = plan[: 0 if meet else 1]  # a filler may say "she": the name comes first
        rest = plan[len(head) :]
        self.rng.shuffle(rest)
        for fact in head + rest:
            if fact is None:
                sentences.append(self.draw(FILLERS[entity.kind], slots))
                continue
            free = bool(sentences) and fact.frequency == "often"
            pronoun = slots["she"] if free and self.rng.random() < PRONOUN_SHARE else ""
            sentences.append(self.state(fact, slots, pronoun))
        return sentences

    def passing(self) -> str | None:
        """A sentence that only mentions somebody, without a fact."""
        nobodies = [e for e in self.ledger.world.entities if e.frequency == "never"]
        if not nobodies:
            return None
        passed = self.ledger.passed
        entity = min(nobodies, key=lambda nobody: passed[nobody.number] + self.rng.random())
        passed[entity.number] += 1
        return self.draw(PASSINGS[entity.kind], entity.slots())

    def finish(self, title: str) -> Page:
        return Page(
            kind=self.kind,
            title=title,
            blocks=tuple(self.blocks),
            stated=tuple(self.stated),
            asked=tuple(self.asked),
            once=self.once,
        )
