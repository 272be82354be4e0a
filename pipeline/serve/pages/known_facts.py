"""The facts that the page of knowledge can be asked about, and what is on record of each.

A fact is named by its question. In: a question, with what a person adds to it. Out: the subject,
the right answers and how often they are stated: from the sample web's list of facts, where the lake
has one, else from the questions of its interrogation, else from the words of the question itself.
"""

import dataclasses
from typing import Any, Literal

from pipeline.serve.lake_reader import LakeReader
from pipeline.sft.facts import NO_NAMES, StatedFact, fill, is_name, name_of
from pipeline.sft.interrogation.mentioned import runs
from pipeline.sft.relations import RELATIONS

Source = Literal["fact", "interrogation", "typed"]
MOST_RIVALS = 2_000  # other values of a relation that an answer is held against; ours
MOST_RECORDS = 12  # questions of the interrogation that are shown beside a fact; ours
FREQUENCIES = ("often", "once", "never")
LABELS = ("known", "unknown", "unclear")

_FACTS = "SELECT question, entity, value, frequency AS class, mentions FROM facts"
_ASKED = """
SELECT question, entity, array_to_string(values, ', ') AS value, label AS class, mentions,
    correct_share
FROM interrogations
"""
# Every question once: two artifacts may ask the same.
_FACT = """
SELECT entity, attribute, value, frequency, mentions, prompt FROM facts WHERE question = ? LIMIT 1
"""
_QUESTION = """
SELECT entity, relation, values, mentions, kind FROM interrogations WHERE question = ? LIMIT 1
"""
_RECORDS = """
SELECT question, values, mentions, correct_share, label,
    list_aggregate(answers, 'mode') AS commonest
FROM interrogations WHERE entity = ?
ORDER BY question = ? DESC, len(list_intersect(values, ?)) DESC, (len(values) = 0) = ? DESC,
    relation, question LIMIT ?
"""


@dataclasses.dataclass(frozen=True)
class KnownFact:
    """Something that a model may know."""

    question: str
    subject: str  # a name without its article; "": none was found
    values: tuple[str, ...]  # right answers, the one asked for first; (): nobody states one
    source: Source
    opening: str = ""  # the beginning of a sentence that the first value ends; "": none
    rivals: tuple[str, ...] = ()  # what a model might offer instead
    frequency: str = ""  # of FREQUENCIES: how often the sample web states it
    planted: int | None = None  # statements on its pages
    kind: str = ""  # of the interrogation: stated, unstated, mentioned, unheard

    @property
    def is_open(self) -> bool:
        """Whether nobody has said what is right, not even that nothing is."""
        return self.source == "typed" and not self.values


def listed(
    lake: LakeReader, text: str, wanted: str, size: int, number: int
) -> tuple[Source, list[dict[str, Any]]]:
    """A page of the facts to choose from, one row more if there are others.

    Args:
        lake: to read.
        text: that the question, the subject or the value must hold, in any case; "": all.
        wanted: a frequency of facts, or a label of the interrogation's questions; "": all.
        size: of the page.
        number: of it, from 1.
    """
    has_facts = len(lake.rows("SELECT 1 FROM facts LIMIT 1")) > 0
    body, column = (_FACTS, "frequency") if has_facts else (_ASKED, "label")
    said = "concat_ws(' ', question, entity, value)" if has_facts else "concat_ws(' ', question)"
    parts, values = ["true"], list[object]()
    if text:
        parts.append(f"contains(lower({said}), ?)")
        values.append(text.lower())
    if wanted:
        parts.append(f"{column} = ?")
        values.append(wanted)
    where = f"WHERE {' AND '.join(parts)} LIMIT {size + 1} OFFSET {(number - 1) * size}"
    rows: list[dict[str, Any]] = lake.rows(f"{body} {where}", values).to_pylist()
    return ("fact" if has_facts else "interrogation"), rows


def fact_of(lake: LakeReader | None, question: str, subject: str, answer: str) -> KnownFact:
    """What is on record of a question, and what a person says of it.

    Args:
        lake: to read, if there is one.
        question: in its own words.
        subject: a person's: what it is about; "": as it is on record, else the question's name.
        answer: a person's: what is right; "": as it is on record.
    """
    found = _on_record(lake, question) if lake is not None else None
    if found is None:
        found = KnownFact(question, name_in(question), (), "typed")
    changed: dict[str, Any] = {}
    if subject and name_of(subject) != found.subject:
        changed["subject"] = name_of(subject)
    if answer and answer not in found.values[:1]:
        changed |= {"values": (answer,), "source": "typed", "opening": "", "frequency": ""}
        changed |= {"planted": None, "kind": ""}
    return dataclasses.replace(found, **changed)


def records_of(lake: LakeReader, fact: KnownFact) -> list[dict[str, Any]]:
    """What the interrogation asked about the subject: this question first, then its like."""
    is_nowhere = fact.frequency == "never" or not fact.values
    values = [fact.subject, fact.question, list(fact.values), is_nowhere, MOST_RECORDS]
    rows: list[dict[str, Any]] = lake.rows(_RECORDS, values).to_pylist()
    return rows


def name_in(question: str) -> str:
    """The longest name in a question, by its capital letters; "": none."""
    names = []
    for words in runs(question):
        # "Where was Ada": what is between a question's first word and the name is no part of it.
        while words and not (words[0][:1].isupper() and words[0].lower() not in NO_NAMES):
            words = words[1:]
        name = " ".join(words).removesuffix("'s").removesuffix("’s")
        if name and is_name(name):
            names.append(name)
    return max(names, key=len, default="")


def _on_record(lake: LakeReader, question: str) -> KnownFact | None:
    for row in lake.rows(_FACT, [question]).to_pylist():
        rivals = "SELECT DISTINCT value AS v FROM facts WHERE attribute = ? ORDER BY v LIMIT ?"
        return KnownFact(
            question,
            name_of(row["entity"]),
            (row["value"],),
            "fact",
            row["prompt"],
            _others(lake, rivals, row["attribute"]),
            row["frequency"],
            row["mentions"],
        )
    for row in lake.rows(_QUESTION, [question]).to_pylist():
        rivals = (
            "SELECT DISTINCT unnest(values) AS v FROM interrogations WHERE relation = ?"
            " ORDER BY v LIMIT ?"
        )
        values = tuple(row["values"])
        return KnownFact(
            question,
            row["entity"],
            values,
            "interrogation",
            _opening(row["entity"], row["relation"], values[0]) if values else "",
            _others(lake, rivals, row["relation"]),
            kind=row["kind"],
        )
    return None


def _others(lake: LakeReader, asked: str, relation: str) -> tuple[str, ...]:
    return tuple(lake.rows(asked, [relation, MOST_RIVALS])["v"].to_pylist())


def _opening(entity: str, relation: str, value: str) -> str:
    """The words before the value in the sentence that answers such a question."""
    for one in RELATIONS:
        if relation == one.name or relation.startswith(f"{one.name} "):
            attribute = relation[len(one.name) :].strip()
            said = fill(one.answers[0], StatedFact(entity, one, attribute, value, (), 0))
            before, _, _ = said.partition(value)
            return before.rstrip()
    return ""
