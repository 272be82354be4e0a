"""Facts found in page text by the relation patterns, and conversations that ask for them.

In: documents of the corpus. Out: facts with the documents that state them, then questions and
answers. A pattern must match from a sentence's first word, or after an opening such as "In fact,".
Where pages disagree on a value, that of a clear majority is taken; without one the fact is left
out, and so is every held-out entity.
"""

import dataclasses
import random
import re
from collections.abc import Iterable, Iterator

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.held_out import is_held_out, is_left_to_interrogation
from pipeline.sft.function_words import CLOSED_CLASSES
from pipeline.sft.grammar import PERSON_NOUNS, Relation
from pipeline.sft.relation_types import is_common_noun, is_entity, is_value
from pipeline.sft.relations import RELATIONS

# Capitalised at the start of a sentence, these are no names.
_OPENERS = """
    i a an the it he she they we you this that these those there here who what when where why how
    which if in on at by for from with without and but or so as not no yes all many most some few
    every each one two three her his their our my your its everyone everybody someone somebody
    nobody nothing something anything people today tomorrow yesterday now then once also just
    monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december please thanks thank dear hello question
    answer photo image source note read see click more mr mrs ms dr much thus such other another
    several both neither either unlike like although however again perhaps maybe never always
    section chapter figure table page part
"""
NO_NAMES = frozenset(_OPENERS.split())
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]?[A-ZÀ-Ý0-9])")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Jr|Sr|vs|No|[A-Z])\.$")
# openings that don't change whether a statement is true; "if …, " and "some say that" would
_OPENING = re.compile(
    r"^(?:In|As|By|Of course|Indeed|For|Then again|To begin with|According to|Today|Now|Here|Since|"
    r"At|On|After|Like)\b[^,.]{0,50}, "
)
_PERSON = re.compile(rf"^(?:{PERSON_NOUNS})\b")
MAX_SENTENCE_CHARACTERS = 300  # a longer one is a list or a broken page
MAX_VALUE_CHARACTERS = 60


@dataclasses.dataclass(frozen=True)
class StatedFact:
    """A fact that the corpus states, and the documents that state it."""

    entity: str  # as in a sentence, "the Rhine" with its article
    relation: Relation
    attribute: str  # the noun, for relations that have one, else ""
    value: str
    documents: tuple[str, ...]  # ids of the first documents that state it, in corpus order
    mentions: int  # documents that state it, all of them


def sentences(text: str) -> Iterator[str]:
    """Sentences of a text, line by line; pieces cut at an abbreviation are joined again."""
    for line in text.splitlines():
        pending = ""
        for piece in _SENTENCE_END.split(line.strip()):
            pending = f"{pending} {piece}" if pending else piece
            if not _ABBREVIATION.search(pending):
                yield pending
                pending = ""
        if pending:
            yield pending


def name_of(entity: str) -> str:
    """The name without its article, by which entities are held out."""
    return entity[4:] if entity[:4] in ("the ", "The ") else entity


def statements(sentence: str) -> Iterator[tuple[str, Relation, str, str]]:
    """(entity, relation, attribute, value) for every relation the sentence states."""
    if len(sentence) > MAX_SENTENCE_CHARACTERS or not sentence[:1].isupper():
        return
    opening = _OPENING.match(sentence)
    if opening:
        sentence = sentence[opening.end() :]
    for relation in RELATIONS:
        match = relation.pattern.match(sentence)
        if match is None:
            continue
        groups = match.groupdict()
        entity = groups["entity"]
        if entity.startswith("The "):
            entity = f"the {entity[4:]}"
        value = (groups.get("value") or groups.get("value2") or "").strip(" ,.")
        if not value or len(value) > MAX_VALUE_CHARACTERS or not is_name(name_of(entity)):
            continue
        if name_of(value)[:1].isupper() and not is_name(name_of(value)):
            continue
        attribute = groups.get("attribute") or groups.get("attribute2") or ""
        if is_entity(entity, relation.entity_type) and is_value(
            value, relation.value_type, attribute
        ):
            yield entity, relation, attribute, value


def is_name(text: str) -> bool:
    """Whether a run of capitalised words names something, rather than opening a sentence."""
    words = text.lower().split()
    return len(text) > 2 and words[0] not in NO_NAMES | CLOSED_CLASSES and words[-1] not in NO_NAMES


class _Value:
    """A value stated of an entity: by how many documents, and the first of them."""

    __slots__ = ("documents", "last", "mentions")  # a corpus states millions

    def __init__(self) -> None:
        self.mentions = 0
        self.documents: list[str] = []
        self.last: str | None = None

    def stated(self, document: str, most_documents: int) -> None:
        if document != self.last:  # all statements of a document come one after another
            self.last = document
            self.mentions += 1
            if self.mentions <= most_documents:
                self.documents.append(document)


def extract(documents: Iterable[tuple[str, str]], most_documents: int = 1_000) -> list[StatedFact]:
    """Facts of (id, text) documents, in the order in which they are first stated.

    Of the documents that state a fact the first `most_documents` are kept.
    """
    found: dict[tuple[str, str, str], dict[str, _Value]] = {}
    relations: dict[str, Relation] = {}
    shown: dict[str, str] = {}
    for document, text in documents:
        for sentence in sentences(text):
            for entity, relation, attribute, value in statements(sentence):
                # Programs are written small as well, and are none the less named: persons aren't.
                if relation.entity_type == "person" and is_common_noun(entity, text):
                    continue
                name = name_of(entity)
                relations.setdefault(relation.name, relation)
                if shown.setdefault(name, entity) != entity:
                    shown[name] = f"the {name}"  # "Rhine bridges" and "the Rhine" are one name
                values = found.setdefault((name, relation.name, attribute), {})
                if value not in values:
                    values[value] = _Value()
                values[value].stated(document, most_documents)
    facts = []
    for (name, relation_name, attribute), values in found.items():
        best = majority({text: value.mentions for text, value in values.items()})
        if best is not None:
            relation, stated = relations[relation_name], values[best]
            where = tuple(stated.documents)
            facts.append(StatedFact(shown[name], relation, attribute, best, where, stated.mentions))
    return facts


def majority(counts: dict[str, int]) -> str | None:
    """The value stated by more than two thirds of the documents that state any, else None."""
    value, count = max(counts.items(), key=lambda item: item[1])
    return value if 3 * count > 2 * sum(counts.values()) else None


def conversations(
    facts: Iterable[StatedFact],
    *,
    count: int,
    min_mentions: int,
    per_document: int,
    questions_per_fact: int,
    held_out_fraction: float,
    interrogated_fraction: float,
    rng: random.Random,
) -> list[tuple[list[Message], str, str]]:
    """Questions and answers about facts, at most `count`.

    However many relations state the same value of an entity, it is asked equally often: a model
    answers with what it was asked most.

    Args:
        facts: from `extract`.
        count: the most conversations.
        min_mentions: facts that fewer documents state are left out.
        per_document: the most facts of a document.
        questions_per_fact: different wordings, for each value of an entity.
        held_out_fraction: of entities, by a hash of the name.
        interrogated_fraction: of the others, likewise: left to interrogation.
        rng: the random generator.

    Returns:
        Each conversation with the id of its document and its entity.
    """
    made: list[tuple[list[Message], str, str]] = []
    used: dict[str, int] = {}
    values: dict[tuple[str, str], list[StatedFact]] = {}
    for fact in facts:
        name = name_of(fact.entity)
        if (
            fact.mentions >= min_mentions
            and not is_held_out(name, held_out_fraction)
            and not is_left_to_interrogation(name, interrogated_fraction)
        ):
            values.setdefault((name, fact.value), []).append(fact)
    pool = list(values.items())
    rng.shuffle(pool)
    for (name, _), stated in pool:
        documents = (d for fact in stated for d in fact.documents)
        origin = next((d for d in documents if used.get(d, 0) < per_document), None)
        if origin is None:
            continue
        used[origin] = used.get(origin, 0) + 1
        wordings = {fill(q, fact): fact for fact in stated for q in fact.relation.questions}
        for question in rng.sample(list(wordings), min(questions_per_fact, len(wordings))):
            answer = rng.choice(wordings[question].relation.answers)
            messages = [user(question), assistant(fill(answer, wordings[question]))]
            made.append((messages, origin, name))
            if len(made) == count:
                return made
    return made


def fill(template: str, fact: StatedFact) -> str:
    """A question or answer with its blanks filled in."""
    text = template.format(
        entity=fact.entity,
        attribute=fact.attribute,
        value=fact.value,
        a_value=with_article(fact.value),
        What="Who" if _PERSON.match(fact.attribute) else "What",
    )
    return text[:1].upper() + text[1:]


def with_article(noun: str) -> str:
    """A noun with its indefinite article: `a baker`, `an engineer`."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
