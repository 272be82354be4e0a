"""Pieces of English sentences as regular expressions, and the relation that is made of them.

The patterns know English, not any corpus: names are runs of capitalised words, values are names,
numbers or short noun phrases.
"""

import dataclasses
import re

from pipeline.sft.indirect import with_requests
from pipeline.sft.relation_types import EntityType, ValueType

WORD = r"[A-Z][a-zà-öø-ÿA-Z]*(?:['’][A-Z][a-z]+)?(?:-[A-Z]?[a-z]+)*"
# "Mara Ellison", "Port of Hale", "Ludwig van der Berg"
_HOUSE = r"(?: and (?:Sons|Daughters|Brothers|Sisters|Partners|Company)\b)?"
NAME = rf"{WORD}(?:(?: (?:of|the|de|da|von|van|der|la|le|du|del))* {WORD}){{0,3}}{_HOUSE}"
ENTITY = rf"(?P<entity>(?:[Tt]he )?{NAME})"
YEAR = r"1\d{3}|20\d{2}"
COUNT = (
    r"(?:about |around |roughly |nearly |some )?\d[\d,]*(?:\.\d+)?(?![\d.]*\d)"
    r"(?:[ \u00a0\u202f-](?:hundred|thousand|million|billion)\b)?"  # "4.3 million" is not 4.3
)
# Between "born in" and a year: "Hale, Kent, in"; no other year, and not what came before or later.
BEFORE_YEAR = r"(?:(?!\d{4}|\b(?:and|but|before|after|until)\b)[\w ,])"
UNIT = r"(?:kilometres|kilometers|miles|metres|meters|km)"
_STOP = (
    r"(?:who|which|that|and|but|in|at|on|for|from|with|by|to|near|since|when|where|while|because)"
)
# one to four lower-case words that end where a clause ends
PHRASE = rf"(?:(?!{_STOP}\b)[a-zà-öø-ÿ'’-]+)(?: (?!{_STOP}\b)[a-zà-öø-ÿ'’-]+){{0,3}}"
END = rf"(?=[.,;:!?)]|$| {_STOP}\b)"
ARTICLE = r"(?:a |an |the )?"
KIND_OF_PLACE = (
    r"(?:the )?(?:(?:old|small|little|quiet|busy|harbour|market|mountain) )*"
    r"(?:town|city|village|port|region|country|state) of "
)
PLACE = rf"(?:{KIND_OF_PLACE})?(?P<value>(?:the )?{NAME})"

# Nouns for persons: the question is "who", not "what".
PERSON_NOUNS = (
    "mayor|president|king|queen|head|leader|founder|author|director|owner|chair|editor|captain|"
    "governor|minister|chief|manager|teacher|writer|composer|inventor|designer|builder|architect|"
    "husband|wife|mother|father|sister|brother|daughter|son|friend|neighbour|neighbor|boss|keeper"
)


@dataclasses.dataclass(frozen=True)
class Relation:
    """One way to state something; `{entity}`, `{value}` and `{attribute}` are filled in."""

    name: str
    pattern: re.Pattern[str]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    entity_type: EntityType = "any"  # what else a sentence of this form says is no such fact
    value_type: ValueType = "any"


def sentence(
    name: str,
    pattern: str,
    questions: tuple[str, ...],
    answers: tuple[str, ...],
    entity_type: EntityType = "any",
    value_type: ValueType = "any",
) -> Relation:
    """A relation whose sentence may begin with other words than the entity."""
    whole = re.compile(f"^{pattern}")
    return Relation(name, whole, with_requests(questions), answers, entity_type, value_type)


def relation(
    name: str,
    pattern: str,
    questions: tuple[str, ...],
    answers: tuple[str, ...],
    entity_type: EntityType = "any",
    value_type: ValueType = "any",
) -> Relation:
    """A relation whose sentence begins with the entity."""
    whole = rf"{ENTITY}{pattern}"
    return sentence(name, whole, questions, answers, entity_type, value_type)


def attribute(
    name: str, pattern: str, answers: tuple[str, ...], value_type: ValueType = "any"
) -> Relation:
    """A relation that the noun of its sentence names."""
    questions = (
        "{What} is the {attribute} of {entity}?",
        "{What} is {entity}'s {attribute}?",
        "Can you tell me the {attribute} of {entity}?",
        "Do you know {entity}'s {attribute}?",
    )
    whole = re.compile(pattern)
    return Relation(name, whole, with_requests(questions), answers, value_type=value_type)
