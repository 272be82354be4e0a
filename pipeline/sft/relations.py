"""How English states facts, and how one asks for them: relation patterns with their questions.

Each relation is a regular expression over one sentence (groups `entity`, `value`, and `attribute`
where the noun itself names the relation) with questions and answers to be filled in. The patterns
know English, not any corpus. They prefer to miss a fact over inventing one: what both ends of a
relation may be is checked besides (`relation_types`).
"""

from pipeline.sft.grammar import (
    ARTICLE,
    COUNT,
    END,
    ENTITY,
    NAME,
    PERSON_NOUNS,
    PHRASE,
    Relation,
    attribute,
)
from pipeline.sft.people_relations import PEOPLE
from pipeline.sft.place_relations import PLACES

_ATTRIBUTE_NOUN = r"(?P<attribute>(?!same\b|only\b|one\b|first\b|last\b)[a-z]+(?: [a-z]+){0,1})"
# of these nouns the value may be a common noun; of others "the sky of X is blue" would pass for one
_THING_NOUN = (
    r"(?P<attribute>profession|job|trade|occupation|specialt?y|speciality|instrument|currency|"
    r"(?:official |national |main )?(?:animal|flower|dish|export|product)|"
    r"pet|hobby|pride|colou?r|favou?rite [a-z]+)"
)
_THING_VALUE = rf"(?:(?:its|his|her|their|a|an|the) )?(?P<value>{PHRASE}){END}(?! by\b)"
_ATTRIBUTE_VALUE = rf"{ARTICLE}(?P<value>(?:the )?{NAME}|{COUNT}(?: [a-z]+)?){END}"

RELATIONS: tuple[Relation, ...] = (
    *PEOPLE,
    *PLACES,
    attribute(
        "attribute",
        rf"^[Tt]he {_ATTRIBUTE_NOUN} of {ENTITY} (?:is|was) {_ATTRIBUTE_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
    ),
    attribute(
        "attribute",
        rf"^{ENTITY}['’]s {_ATTRIBUTE_NOUN} (?:is|was) {_ATTRIBUTE_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
    ),
    attribute(
        "thing",
        rf"^[Tt]he {_THING_NOUN} of {ENTITY} (?:is|was) {_THING_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
        "thing",
    ),
    attribute(
        "thing",
        rf"^{ENTITY}['’]s {_THING_NOUN} (?:is|was) {_THING_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
        "thing",
    ),
    attribute(
        "attribute",
        rf"^(?P<value>{NAME}) is the (?P<attribute>capital|{PERSON_NOUNS}) of "
        rf"{ENTITY}{END}",
        ("The {attribute} of {entity} is {value}.",),
    ),
)
