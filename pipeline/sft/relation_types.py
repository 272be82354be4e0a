"""What a relation's two ends may be: a person, a river; an instrument, an occupation, goods.

In: a name or value that a pattern took from a sentence. Out: whether it is of the relation's type.
The patterns alone take "The README plays an important role" for a fact about an instrument. Values
must be of a closed class (`noun_classes`) where there is one, else a noun phrase; persons can't be
listed, so what shows that a name is none refuses it: an article, capitals throughout, a noun for
works and bodies, an ending of abstract nouns, or the same word in lower case on the same page
(which `facts.extract` looks for).
"""

import re
from typing import Literal

from pipeline.sft import noun_classes
from pipeline.sft.function_words import AMOUNTS, OUTSIDE_NOUN_PHRASES

EntityType = Literal["any", "person", "maker", "water"]
ValueType = Literal[
    "any",
    "instrument",
    "occupation",
    "subject",
    "animal",
    "fish",
    "goods",
    "wares",
    "renown",
    "thing",
    "water",
]
# Bodies and works: what a sentence says "was born" or "lives" of them it says of no person.
_NO_PERSONS_WORDS = """
    academy agency album archive army association ballet band board bureau choir club college
    committee company conference consortium corporation council department edition ensemble
    factory federation festival film foundation framework group inc institute institution journal
    laboratory league library ltd magazine ministry movement museum orchestra organisation
    organization party press project protocol quartet quintet river school series society software
    studio studios team theory trio trust union university version
"""
# Endings of nouns for what one can't touch; those that given names have as well (-ence, -ity,
# -ment) are left out.
_ABSTRACT = re.compile(r"[A-Z][a-z]{2,}(?:ism|tion|sion|ness|logy|graphy|ware)")
_WATERS_WORDS = """
    bay bayou beck brook burn canal channel creek estuary fjord firth fork gulf lagoon lake loch
    lough ocean reservoir rio river sea sound strait stream wadi
"""
_SKY = frozenset(("Sun", "Moon"))  # they rise as well
# After "make" and "produce" these say what is done or how it is made, not what is: the nouns of the
# light verb, and adjectives.
_NO_GOODS_WORDS = """
    accessible allowance allowances amends appearance appearances arrangements attempt attempts
    available aware believe better change changes choice choices claim claims clear comment
    comments complaint complaints concessions contact contribution contributions copy copies deal
    deals decision decisions demands difference differences difficult discoveries easier easy
    effect effects effort efforts ends error errors evident excuse excuses explicit fortune
    friends fun good haste hay headway history impossible impression improvement improvements
    inroads judgement judgements judgment judgments known landfall light likely love mention merry
    mistake mistakes mockery money moves music necessary noise note notes obvious offers output
    peace plain plans point points possible preparations profit profits progress promise promises
    public ready reference references remarks result results room sense sound speeches statements
    strides suggestions sure time trouble use useful visible war waves way worse
"""
# Markets are full of them, and don't sell them.
_NO_WARES_WORDS = """
    activity bargains bustle buyers children color colour crowds customers energy families farmers
    history life locals men noise people shoppers sounds surprises tourists traders treasures
    vendors visitors women
"""
# Of these the sentence goes on to say which; the value alone answers nothing.
_NO_RENOWN_WORDS = """
    ability abilities approach association associations attempts book books collaboration
    collaborations commitment contribution contributions efforts emphasis focus habit interest
    interpretation involvement lack love participation performance performances portrayal research
    role roles studies support theory use view views way work works writings
"""
_NO_PERSONS = frozenset(_NO_PERSONS_WORDS.split())
_WATERS = frozenset(_WATERS_WORDS.split())
_NO_GOODS = frozenset(_NO_GOODS_WORDS.split())
_NO_WARES = frozenset(_NO_WARES_WORDS.split())
_NO_RENOWN = frozenset(_NO_RENOWN_WORDS.split())
_COMMON = re.compile(r"[a-z]")  # how a value begins that is no name and no number
_PARTICIPLE = re.compile(r"[a-z]{3,}(?<!e)ed|done|gone|made|taken|given")


def is_entity(name: str, kind: EntityType) -> bool:
    """Whether a name, with its article if the sentence has one, may be of a type."""
    if kind == "any":
        return True
    article = name.startswith("the ")
    bare = name.removeprefix("the ")
    words = bare.split()
    if kind == "water":
        named = any(word.lower() in _WATERS for word in words)
        return (article or named) and bare not in _SKY
    if bare.isupper():  # README, NASA; and on a stage, who speaks
        return False
    if kind == "maker":  # "Hale Paper Works makes paper", not "Patience makes sense"
        return len(words) > 1
    return (
        not article
        and not any(word.lower() in _NO_PERSONS for word in words)
        and _ABSTRACT.fullmatch(bare) is None
    )


def is_value(value: str, kind: ValueType, attribute: str = "") -> bool:
    """Whether a value may be of a type; names and numbers are of any but a closed class.

    Args:
        value: as the sentence has it, without the article that the pattern leaves out.
        kind: of the relation.
        attribute: the noun that names the relation, where one does.
    """
    if attribute and attribute.split()[-1] in AMOUNTS:
        return False
    bare = value.removeprefix("the ")
    if kind == "water":
        return value.startswith("the ") or any(w.lower() in _WATERS for w in bare.split())
    if _COMMON.match(bare) is None or any(map(str.isdigit, bare)):
        return kind in ("any", "thing", "goods", "wares", "renown")
    words = bare.split()
    if OUTSIDE_NOUN_PHRASES & {*words} or words[0] in AMOUNTS:
        return False
    head = bare.split(" of ")[0].split()[-1]
    if kind == "thing":
        return _is_thing(words, head, attribute.split()[-1])
    if kind == "instrument":
        return _is_instrument(words)
    known = {
        "occupation": noun_classes.OCCUPATIONS,
        "subject": noun_classes.SUBJECTS,
        "animal": noun_classes.ANIMALS,
        "fish": noun_classes.FISHES,
    }.get(kind)
    if known is not None:
        return head in known
    refused = {"goods": _NO_GOODS, "wares": _NO_WARES, "renown": _NO_RENOWN}.get(kind, frozenset())
    return head not in refused


def is_common_noun(entity: str, text: str) -> bool:
    """Whether a text writes an entity of one word in lower case elsewhere: "Climate", "Marriage".

    At a sentence's beginning a capital says nothing; how a word is written elsewhere does (Lita et
    al. 2003, tRuEcasIng). After an article the capital is the name's own.
    """
    return " " not in entity and re.search(rf"\b{re.escape(entity.lower())}\b", text) is not None


def _is_thing(words: list[str], head: str, noun: str) -> bool:
    if noun == "instrument":
        return _is_instrument(words)
    if noun in ("profession", "job", "trade", "occupation"):
        return head in noun_classes.OCCUPATIONS
    if noun in ("colour", "color"):
        return head in noun_classes.COLOURS
    if noun in ("pet", "animal"):
        return head in noun_classes.ANIMALS
    # "the pride of Hale is gone": a predicate, and nothing that has a name
    return not any(_PARTICIPLE.fullmatch(word) for word in (words[0], words[-1]))


def _is_instrument(words: list[str]) -> bool:
    *before, last = words
    return last in noun_classes.INSTRUMENTS and all(
        word in noun_classes.BEFORE_INSTRUMENTS or word in noun_classes.INSTRUMENTS
        for word in before
    )
