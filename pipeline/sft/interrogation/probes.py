"""Questions to interrogate a model with: on facts that the corpus states, and on what it doesn't.

In: documents of the corpus. Out: questions, each with every answer that counts as right. There are
four kinds. `stated`: a fact of some entity, however often it is stated. `unstated`: a relation
that entities like this one have, and that the corpus states nowhere of this one. `mentioned`: a
name that documents hold and state nothing of. `unheard`: a name put together from the parts of
known ones that no document holds. To the last three every answer is wrong but "I don't know":
knowing that needs no truth beside the corpus. No held-out entity is asked about. Of a question
every answer is right that the corpus states in whatever words, and that of another relation which
is asked for in the same words.
"""

import dataclasses
import hashlib
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pipeline.curriculum.answer_matching import normalise
from pipeline.curriculum.held_out import is_held_out
from pipeline.sft.facts import StatedFact, fill, name_of
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.mentioned import Key, mentioned, runs

KINDS = ("stated", "unstated", "mentioned", "unheard")
MIN_BOTH = 3  # entities of which two relations are stated, to say whether they are the same
MIN_STEM = 3  # letters that a made-up name takes from each of two names


@dataclasses.dataclass(frozen=True)
class Probe:
    """Something to ask, and what would be right."""

    kind: str  # of KINDS
    text: str
    entity: str  # name without its article
    relation: str
    values: tuple[str, ...]  # right answers, the one asked for first; () where there is none
    answer: str  # the sentence that answers it; "" likewise
    mentions: int  # documents that state it
    origin: str  # document id, or ""

    @property
    def id(self) -> str:
        """The same in each round: labels are compared by it."""
        return hashlib.sha256(f"{self.relation}\n{self.text}".encode()).hexdigest()[:32]

    @property
    def subject(self) -> str:
        """What is known or unknown as one, in whatever words it is asked."""
        return f"{self.entity}\n{self.relation}"


def probes(
    facts: Sequence[StatedFact],
    documents: Iterable[tuple[str, str]],
    config: InterrogationConfig,
) -> list[Probe]:
    """Questions of all kinds, in a fixed order.

    Args:
        facts: of the documents, from `facts.extract`.
        documents: id and text of each; iterated once for each kind that needs them.
        config: counts.
    """
    usable = [
        fact for fact in facts if not is_held_out(name_of(fact.entity), config.held_out_fraction)
    ]
    same = paraphrases(facts)
    rng = random.Random(f"{config.seed}:interrogation")
    made_up = unheard(usable, config, rng)
    names = frozenset(name_of(fact.entity) for fact in made_up)
    known_names = heard(documents, names) if names else names
    nameless = (
        mentioned(facts, documents, config.held_out_fraction, config.alike_share)
        if config.mentioned
        else []
    )
    groups = (
        ("stated", usable, config.stated),
        ("unstated", unstated(usable, same, config.alike_share), config.unstated),
        ("mentioned", nameless, config.mentioned),
        ("unheard", [f for f in made_up if name_of(f.entity) not in known_names], config.unheard),
    )
    made: list[Probe] = []
    right = _right_answers(usable, same)
    for kind, pool, count in groups:
        pool = list(pool)
        rng.shuffle(pool)
        asked: dict[str, Probe] = {}
        for fact in pool:
            for probe in _asked(kind, fact, same[_key(fact)], config.wordings, rng):
                values = dict.fromkeys(
                    [*probe.values, *right[probe.text.lower()], *right[probe.subject]]
                )
                if bool(values) == (kind == "stated"):
                    probe = dataclasses.replace(probe, values=tuple(values))
                    asked.setdefault(probe.text.lower(), probe)
        made += list(asked.values())[:count]
    return made


def unstated(
    facts: Sequence[StatedFact], same: Mapping[Key, Key], alike_share: float
) -> list[StatedFact]:
    """For each entity what the corpus says of entities like it, but not of it; without a value.

    A relation is asked for if, of the entities with a relation of this one's, at least
    `alike_share` have it: for each of this one's relations.

    Args:
        facts: of the corpus.
        same: from `paraphrases`: what is stated in other words is stated.
        alike_share: see above.
    """
    of = _by_entity(facts)
    shown = {name_of(fact.entity): fact.entity for fact in facts}
    groups = {name: {same[key] for key in found} for name, found in of.items()}
    having = Counter(group for found in groups.values() for group in found)
    together = Counter((a, b) for found in groups.values() for a in found for b in found)
    ways: dict[Key, dict[Key, StatedFact]] = {}
    for found in of.values():
        for key, fact in found.items():
            ways.setdefault(same[key], {}).setdefault(key, fact)
    made = []
    for name, own in groups.items():
        for group in sorted(having):
            if group in own or any(together[o, group] < alike_share * having[o] for o in own):
                continue
            made += [_of(shown[name], fact) for _, fact in sorted(ways[group].items())]
    return made


def paraphrases(facts: Sequence[StatedFact]) -> dict[Key, Key]:
    """For each relation the first of those that say the same in other words.

    "X was born in Y" and "the birthplace of X is Y" are two relations to the patterns. Two say the
    same if, of the entities of which both are stated, most have the same value in both.
    """
    of = _by_entity(facts)
    both: Counter[tuple[Key, Key]] = Counter()
    equal: Counter[tuple[Key, Key]] = Counter()
    for found in of.values():
        for a, b in itertools.combinations(sorted(found), 2):
            both[a, b] += 1
            equal[a, b] += normalise(found[a].value) == normalise(found[b].value)
    first = {key: key for found in of.values() for key in found}

    def root(key: Key) -> Key:
        while first[key] != key:
            key = first[key]
        return key

    for (a, b), count in sorted(both.items()):
        if count >= MIN_BOTH and equal[a, b] > count / 2:
            one, other = sorted((root(a), root(b)))
            first[other] = one
    return {key: root(key) for key in first}


def _by_entity(facts: Sequence[StatedFact]) -> dict[str, dict[Key, StatedFact]]:
    of: dict[str, dict[Key, StatedFact]] = {}
    for fact in facts:
        of.setdefault(name_of(fact.entity), {})[_key(fact)] = fact
    return of


def _key(fact: StatedFact) -> Key:
    return fact.relation.name, fact.attribute


def _of(entity: str, fact: StatedFact) -> StatedFact:
    """The same relation of another entity, without a value."""
    return dataclasses.replace(fact, entity=entity, value="", documents=(), mentions=0)


def unheard(
    facts: Sequence[StatedFact], config: InterrogationConfig, rng: random.Random
) -> list[StatedFact]:
    """Facts with a made-up entity and no value, at most twice as many as are asked for."""
    by_relation: dict[tuple[str, str], list[StatedFact]] = {}
    for fact in facts:
        by_relation.setdefault((fact.relation.name, fact.attribute), []).append(fact)
    pools = [pool for _, pool in sorted(by_relation.items()) if len(pool) > 1]
    made: list[StatedFact] = []
    seen: set[str] = set()
    for _ in range(8 * config.unheard if pools else 0):
        if len(made) >= 2 * config.unheard:
            break
        one, other = rng.sample(rng.choice(pools), 2)
        name = recombined(name_of(one.entity), name_of(other.entity), rng)
        if not name or name in seen or is_held_out(name, config.held_out_fraction):
            continue
        seen.add(name)
        entity = one.entity.replace(name_of(one.entity), name)
        made.append(_of(entity, one))
    return made


def recombined(one: str, other: str, rng: random.Random) -> str:
    """A name of the first words of one and the last of the other; of single words, of their parts.

    "Mara Ellison" and "Tom Hale" make "Mara Hale"; "Brookton" and "Millbury" make "Brookbury", say.
    "" where nothing new comes of it.
    """
    first, last = one.split(), other.split()
    if len(first) > 1 and len(last) > 1:
        made = " ".join([*first[:-1], last[-1]])
    elif len(first) == len(last) == 1 and min(len(one), len(other)) > 2 * MIN_STEM:
        made = (
            one[: rng.randint(MIN_STEM, len(one) - MIN_STEM)]
            + other[rng.randint(MIN_STEM, len(other) - MIN_STEM) :].lower()
        )
    else:
        return ""
    return "" if made in (one, other) else made


def heard(documents: Iterable[tuple[str, str]], names: frozenset[str]) -> frozenset[str]:
    """Which of the names occur in some document."""
    found: set[str] = set()
    longest = max((name.count(" ") + 1 for name in names), default=0)
    for _, text in documents:
        for words in runs(text):
            for start in range(len(words)):
                for end in range(start + 1, min(len(words), start + longest) + 1):
                    name = " ".join(words[start:end])
                    if name in names:
                        found.add(name)
    return frozenset(found)


def _asked(
    kind: str, fact: StatedFact, group: Key, wordings: int, rng: random.Random
) -> list[Probe]:
    templates = fact.relation.questions
    return [
        Probe(
            kind=kind,
            text=fill(template, fact),
            entity=name_of(fact.entity),
            relation=" ".join(group).strip(),
            values=(fact.value,) if fact.value else (),
            answer=fill(rng.choice(fact.relation.answers), fact) if fact.value else "",
            mentions=fact.mentions,
            origin=fact.documents[0] if fact.documents else "",
        )
        for template in rng.sample(templates, min(wordings, len(templates)))
    ]


def _right_answers(
    facts: Iterable[StatedFact], same: Mapping[Key, Key]
) -> defaultdict[str, dict[str, None]]:
    """The values that facts have, by every question that asks for them and by its subject."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for fact in facts:
        everything = len(fact.relation.questions)
        for probe in _asked("stated", fact, same[_key(fact)], everything, random.Random(0)):
            for name in (probe.text.lower(), probe.subject):
                found[name][fact.value] = None
    return found
