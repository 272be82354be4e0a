"""The fictional world: entities, their relations, and how often each fact is stated.

Deterministic from the seed. Coherent by construction: birthplaces and seats are towns, mayors and
founders are people, a company opens after its founder has grown up, a town lies on one river. Each
fact has one wording that pages never use for it; wordings are rotated, so others use that one.
"""

import dataclasses
import random

from pipeline.curriculum.held_out import is_held_out
from pipeline.sample_web import names
from pipeline.sample_web.questions import QUESTIONS
from pipeline.sample_web.wordings import ATTRIBUTES, STATEMENTS
from storage.errors import UserError

SHARES = {"person": 0.45, "town": 0.22, "river": 0.10, "company": 0.23}
OFTEN_SHARE = 0.66  # of entities at most; fewer where the pages could not hold their statements
ONCE_SHARE = 0.5  # of the others; the rest is only mentioned in passing
UNSTATED_SHARE = 0.2  # of often-stated entities: one attribute is never stated
# Of often-stated entities: question pages may ask for them. With 0.5 a fine-tuned model answered
# 85% of the facts that fine-tuning never asked for where a page asks for them in other words, and
# 56% where none does (n = 46 and 43, one seed).
ASKED_SHARE = 0.75
REVERSED_SHARE = 0.5  # of often-stated entities: some statements begin with the value


@dataclasses.dataclass(frozen=True)
class Fact:
    number: int
    entity: str
    kind: str
    attribute: str
    value: str
    frequency: str  # often, once, never
    held_out: int  # wording never used for it
    held_out_question: int
    asked: bool  # question-and-answer pages may ask for it
    reversed: bool  # some of its statements begin with the value

    def prompt(self) -> str:
        """The held-out wording up to the value."""
        wording = STATEMENTS[self.attribute][self.held_out].format(e=self.entity, v="\0")
        text = wording[: wording.index("\0")].rstrip()
        return text[:1].upper() + text[1:]

    def question(self) -> str:
        """The question in its held-out wording."""
        return QUESTIONS[self.attribute][self.held_out_question].format(e=self.entity)


@dataclasses.dataclass(frozen=True)
class Entity:
    number: int
    name: str
    kind: str
    frequency: str
    split: str
    woman: bool  # people only
    facts: dict[str, Fact]

    def slots(self) -> dict[str, str]:
        """The values that fill templates about it."""
        she, her, herself = ("she", "her", "herself") if self.woman else ("he", "his", "himself")
        if self.kind != "person":
            she, her, herself = "it", "its", "itself"
        return {
            "e": self.name,
            "first": self.name.split()[0],
            "she": she,
            "her": her,
            "him": "her" if self.woman else "him",
            "herself": herself,
        }


@dataclasses.dataclass(frozen=True)
class World:
    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]

    def of_kind(self, kind: str) -> list[Entity]:
        return [entity for entity in self.entities if entity.kind == kind]

    def named(self, name: str) -> Entity | None:
        """The entity of that name, if it has one (lakes and mountains have none)."""
        return next((entity for entity in self.entities if entity.name == name), None)


def counts(entities: int) -> dict[str, int]:
    """How many entities of each kind."""
    result = {kind: max(3, int(entities * share)) for kind, share in SHARES.items()}
    result["person"] += max(0, entities - sum(result.values()))
    result["person"] = max(result["person"], result["town"], 6)
    limits = {
        "person": len(names.WOMEN) + len(names.MEN),
        "town": len(names.TOWN_STEMS),
        "river": len(names.RIVERS),
        "company": len(names.COMPANY_HEADS),
    }
    for kind, count in result.items():
        if count > limits[kind]:
            raise UserError(f"entities = {entities}: the world has names for about 200; use fewer")
    return result


def make_world(seed: int, entities: int, often: int) -> World:
    """The world of that seed; `often` is how many entities the pages can state often."""
    rng = random.Random(f"{seed}/world")
    count = counts(entities)
    values, women = _values(count, rng)
    drawn: list[tuple[str, str]] = [(kind, name) for kind, name in values]
    frequencies = _frequencies(drawn, min(often, int(OFTEN_SHARE * len(drawn))), rng)
    made: list[Entity] = []
    facts: list[Fact] = []
    turns = {attribute: rng.randrange(97) for attribute in STATEMENTS}
    for number, (kind, name) in enumerate(drawn):
        own: dict[str, Fact] = {}
        frequency = frequencies[number]
        unstated = ""
        if frequency == "often" and rng.random() < UNSTATED_SHARE:
            unstated = rng.choice(ATTRIBUTES[kind])
        asked = frequency == "often" and rng.random() < ASKED_SHARE
        turned = frequency == "often" and rng.random() < REVERSED_SHARE
        for attribute in ATTRIBUTES[kind]:
            turns[attribute] += 1
            own[attribute] = Fact(
                number=len(facts),
                entity=name,
                kind=kind,
                attribute=attribute,
                value=values[kind, name][attribute],
                frequency="never" if attribute == unstated else frequency,
                held_out=turns[attribute] % len(STATEMENTS[attribute]),
                held_out_question=turns[attribute] % len(QUESTIONS[attribute]),
                asked=asked and attribute != unstated,
                reversed=turned,
            )
            facts.append(own[attribute])
        split = "held_out" if is_held_out(name) else "train"
        made.append(Entity(number, name, kind, frequency, split, name in women, own))
    return World(tuple(made), tuple(facts))


def _values(
    count: dict[str, int], rng: random.Random
) -> tuple[dict[tuple[str, str], dict[str, str]], frozenset[str]]:
    """Names and attribute values, in a fixed order of kinds."""
    firsts = [(name, True) for name in names.WOMEN] + [(name, False) for name in names.MEN]
    rng.shuffle(firsts)
    lasts = rng.sample(names.LAST_NAMES, len(names.LAST_NAMES))
    people = [f"{first} {lasts[i % len(lasts)]}" for i, (first, _) in enumerate(firsts)]
    people = people[: count["person"]]
    women = frozenset(person for person, (_, woman) in zip(people, firsts) if woman)
    stems = rng.sample(names.TOWN_STEMS, count["town"])
    towns = [stem + names.TOWN_TAILS[i % len(names.TOWN_TAILS)] for i, stem in enumerate(stems)]
    rivers = rng.sample(names.RIVERS, count["river"])
    heads = rng.sample(names.COMPANY_HEADS, count["company"])
    companies = [f"{head} {rng.choice(names.COMPANY_TAILS)}" for head in heads]

    values: dict[tuple[str, str], dict[str, str]] = {}
    birth_years = {}
    for person in people:
        birth_years[person] = rng.randint(1921, 1988)
        values["person", person] = {
            "birthplace": rng.choice(towns),
            "birth_year": str(birth_years[person]),
            "profession": rng.choice(names.PROFESSIONS),
            "instrument": rng.choice(names.INSTRUMENTS),
        }
    mayors = rng.sample(people, len(towns))
    for town, mayor in zip(towns, mayors):
        values["town", town] = {
            "river": rng.choice(rivers),
            "mayor": mayor,
            "specialty": rng.choice(names.SPECIALTIES),
            "founded": str(rng.randint(1101, 1849)),
        }
    for river in rivers:
        values["river", river] = {
            "source": rng.choice(names.MOUNTAINS),
            "mouth": rng.choice(names.LAKES),
            "length": str(rng.randint(21, 480)),
            "fish": rng.choice(names.FISH),
        }
    for company in companies:
        founder = rng.choice(people)
        values["company", company] = {
            "seat": rng.choice(towns),
            "founder": founder,
            "opened": str(birth_years[founder] + rng.randint(19, 29)),
            "product": rng.choice(names.PRODUCTS),
        }
    return values, women


def _frequencies(drawn: list[tuple[str, str]], often: int, rng: random.Random) -> dict[int, str]:
    """Frequencies by entity number; each kind has the same shares, and one of each if it can."""
    result: dict[int, str] = {}
    for kind in ATTRIBUTES:
        numbers = [number for number, (k, _) in enumerate(drawn) if k == kind]
        rng.shuffle(numbers)
        share = max(1, round(often * len(numbers) / len(drawn)))
        once = share + max(1, round((len(numbers) - share) * ONCE_SHARE))
        for place, number in enumerate(numbers):
            result[number] = "often" if place < share else "once" if place < once else "never"
    return result
