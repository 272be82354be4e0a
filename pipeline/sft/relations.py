"""How English states facts, and how one asks for them: relation patterns with their questions.

Each relation is a regular expression over one sentence (groups `entity`, `value`, and `attribute`
where the noun itself names the relation) with questions and answers to be filled in. The patterns
know English, not any corpus: names are runs of capitalised words, values are names, numbers or
short noun phrases. They prefer to miss a fact over inventing one.
"""

import dataclasses
import re

from pipeline.sft.indirect import with_requests

WORD = r"[A-Z][a-zà-öø-ÿA-Z]*(?:['’][A-Z][a-z]+)?(?:-[A-Z]?[a-z]+)*"
# "Mara Ellison", "Port of Hale", "Ludwig van der Berg"
_HOUSE = r"(?: and (?:Sons|Daughters|Brothers|Sisters|Partners|Company)\b)?"
NAME = rf"{WORD}(?:(?: (?:of|the|de|da|von|van|der|la|le|du|del))* {WORD}){{0,3}}{_HOUSE}"
ENTITY = rf"(?P<entity>(?:[Tt]he )?{NAME})"
YEAR = r"1\d{3}|20\d{2}"
COUNT = r"(?:about |around |roughly |nearly |some )?\d[\d,]*(?:\.\d+)?(?![\d.]*\d)"
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
MADE_BY = {
    "founded": "founded",
    "written": "wrote",
    "painted": "painted",
    "built": "built",
    "invented": "invented",
    "designed": "designed",
    "discovered": "discovered",
    "composed": "composed",
    "directed": "directed",
    "started": "started",
    "set up": "set up",
    "led": "leads",
    "run": "runs",
    "governed": "governs",
    "ruled": "rules",
}


@dataclasses.dataclass(frozen=True)
class Relation:
    """One way to state something; `{entity}`, `{value}` and `{attribute}` are filled in."""

    name: str
    pattern: re.Pattern[str]
    questions: tuple[str, ...]
    answers: tuple[str, ...]


def _relation(
    name: str, pattern: str, questions: tuple[str, ...], answers: tuple[str, ...]
) -> Relation:
    compiled = re.compile(rf"^{ENTITY}{pattern}")
    return Relation(name, compiled, with_requests(questions), answers)


def _attribute(name: str, pattern: str, answers: tuple[str, ...]) -> Relation:
    questions = (
        "{What} is the {attribute} of {entity}?",
        "{What} is {entity}'s {attribute}?",
        "Can you tell me the {attribute} of {entity}?",
        "Do you know {entity}'s {attribute}?",
    )
    return Relation(name, re.compile(pattern), with_requests(questions), answers)


_ATTRIBUTE_NOUN = r"(?P<attribute>(?!same\b|only\b|one\b|first\b|last\b)[a-z]+(?: [a-z]+){0,1})"
# of these nouns the value may be a common noun; of others "the sky of X is blue" would pass for one
_THING_NOUN = (
    r"(?P<attribute>profession|job|trade|occupation|specialt?y|speciality|instrument|currency|"
    r"(?:official |national |main )?(?:language|religion|animal|flower|dish|export|product)|"
    r"pet|hobby|pride|colou?r|favou?rite [a-z]+)"
)
_THING_VALUE = rf"(?:(?:its|his|her|their|a|an|the) )?(?P<value>{PHRASE}){END}(?! by\b)"
_ATTRIBUTE_VALUE = rf"{ARTICLE}(?P<value>(?:the )?{NAME}|{COUNT}(?: [a-z]+)?){END}"

RELATIONS: tuple[Relation, ...] = (
    _relation(
        "born in place",
        rf" (?:was|is) born(?: and (?:raised|grew up|brought up))? in {PLACE}{END}",
        (
            "Where was {entity} born?",
            "In which place was {entity} born?",
            "What is the birthplace of {entity}?",
            "Where does {entity} come from?",
        ),
        ("{entity} was born in {value}.",),
    ),
    _relation(
        "born in place",
        rf" (?:(?:comes|came|hails|is originally|is) from|is a native of) {PLACE}{END}",
        ("Where does {entity} come from?", "Where is {entity} from?"),
        ("{entity} comes from {value}.",),
    ),
    _relation(
        "born in year",
        rf" was born (?:in|on)(?: [A-Z]?[\w ,]{{1,20}}?)? ?(?P<value>{YEAR})\b",
        (
            "When was {entity} born?",
            "In which year was {entity} born?",
            "What year was {entity} born in?",
        ),
        ("{entity} was born in {value}.",),
    ),
    _relation(
        "occupation",
        rf" (?:works|worked|has worked|is working|makes a living|earns a living|was trained) as "
        r"(?:a|an|the) "
        rf"(?P<value>{PHRASE}){END}",
        (
            "What does {entity} do for a living?",
            "What is {entity}'s job?",
            "What is the profession of {entity}?",
            "What does {entity} work as?",
        ),
        ("{entity} works as {a_value}.",),
    ),
    _relation(
        "residence",
        rf" (?:now |still )?(?:lives|lived|resides|has lived|settled) in {PLACE}{END}",
        ("Where does {entity} live?", "In which place does {entity} live?"),
        ("{entity} lives in {value}.",),
    ),
    _relation(
        "studied subject",
        rf" studied (?P<value>{PHRASE}){END}",
        ("What did {entity} study?", "Which subject did {entity} study?"),
        ("{entity} studied {value}.",),
    ),
    _relation(
        "studied at",
        rf" (?:studied|trained|went to school)(?: [a-z]+){{0,2}} (?:at|in) "
        rf"(?P<value>(?:the )?{NAME}){END}",
        ("Where did {entity} study?", "Where did {entity} go to school?"),
        ("{entity} studied at {value}.",),
    ),
    _relation(
        "married to",
        rf" (?:is|was) married to (?P<value>{NAME}){END}",
        ("Who is {entity} married to?", "Who is the spouse of {entity}?"),
        ("{entity} is married to {value}.",),
    ),
    _relation(
        "plays",
        rf" (?:plays|practises|practices) (?:the )?(?P<value>{PHRASE}){END}",
        ("What does {entity} play?", "Which instrument does {entity} play?"),
        ("{entity} plays the {value}.",),
    ),
    _relation(
        "keeps",
        rf" (?:keeps|owns) (?:a|an) (?:pet )?(?P<value>{PHRASE})"
        rf"(?: (?:named|called) {WORD})?{END}",
        ("What does {entity} keep?", "What does {entity} own?"),
        ("{entity} keeps {a_value}.",),
    ),
    _relation(
        "founded in",
        rf" was (?:founded|established|built|settled|opened|started) (?:back )?in (?:the year )?"
        rf"(?P<value>{YEAR})\b",
        (
            "When was {entity} founded?",
            "In which year was {entity} founded?",
            "How old is {entity}?",
        ),
        ("{entity} was founded in {value}.",),
    ),
    _relation(
        "located",
        rf" (?:lies|sits|stands|is located|is situated|can be found) "
        rf"(?P<attribute>in|on|at|near|by|beside) {PLACE}{END}",
        ("Where is {entity}?", "Where can I find {entity}?"),
        ("{entity} lies {attribute} {value}.",),
    ),
    _relation(
        "population",
        rf" (?:has|had) (?:a population of (?P<value>{COUNT})|"
        rf"(?P<value2>{COUNT}) (?:inhabitants|residents|people))",
        (
            "What is the population of {entity}?",
            "How many people live in {entity}?",
            "How big is {entity}?",
        ),
        ("{entity} has a population of {value}.", "{value} people live in {entity}."),
    ),
    _relation(
        "known for",
        rf" is (?:best |well |widely )?(?:known|famous|renowned) for "
        rf"(?:its |his |her |their |the )?(?P<value>{PHRASE}){END}",
        ("What is {entity} known for?", "What is {entity} famous for?"),
        ("{entity} is known for {value}.",),
    ),
    *[
        _relation(
            f"{participle} by",
            rf" (?:was|were|is) {participle} (?:in (?:{YEAR}) )?by (?P<value>{NAME}){END}",
            (f"Who {active} {{entity}}?",),
            (f"{{entity}} was {participle} by {{value}}.",),
        )
        for participle, active in MADE_BY.items()
    ],
    _relation(
        "rises",
        rf" (?:rises|begins|starts|springs) (?P<attribute>on|in|at|near) {PLACE}{END}",
        (
            "Where does {entity} rise?",
            "Where is the source of {entity}?",
            "Where does {entity} begin?",
        ),
        ("{entity} rises {attribute} {value}.",),
    ),
    _relation(
        "flows into",
        rf" (?:flows|empties|runs) into {PLACE}{END}",
        (
            "Where does {entity} end?",
            "Into what does {entity} flow?",
            "Where is the mouth of {entity}?",
        ),
        ("{entity} flows into {value}.",),
    ),
    _relation(
        "length",
        rf" (?:is|runs for|covers|stretches(?: for)?) (?P<value>{COUNT}) (?P<attribute>{UNIT})\b",
        ("How long is {entity}?", "What is the length of {entity}?"),
        ("{entity} is {value} {attribute} long.",),
    ),
    _relation(
        "home to",
        rf" is home to (?:a |an |the |many )?(?P<value>{PHRASE}){END}",
        ("What is {entity} home to?", "What can be found in {entity}?"),
        ("{entity} is home to {value}.",),
    ),
    _relation(
        "based in",
        r" (?:is based|is headquartered|has its (?:head office|headquarters|seat|workshops)) in "
        rf"{PLACE}{END}",
        (
            "Where is {entity} based?",
            "Where is the head office of {entity}?",
            "Where can I find {entity}?",
        ),
        ("{entity} is based in {value}.",),
    ),
    _relation(
        "opened in",
        rf" (?:opened(?: its doors)? in|dates back to|has existed since) (?P<value>{YEAR})\b",
        (
            "When was {entity} founded?",
            "When did {entity} open?",
            "How long has {entity} existed?",
        ),
        ("{entity} dates back to {value}.",),
    ),
    # of names of several words only: "Hale Paper Works makes paper", not "Patience makes sense"
    Relation(
        "makes",
        re.compile(
            rf"^(?={WORD} (?:and |of )?{WORD}){ENTITY} (?:makes|produces|sells|manufactures) "
            rf"(?P<value>{PHRASE}){END}"
        ),
        with_requests(
            ("What does {entity} make?", "What does {entity} produce?", "What does {entity} sell?")
        ),
        ("{entity} makes {value}.",),
    ),
    _attribute(
        "attribute",
        rf"^[Tt]he {_ATTRIBUTE_NOUN} of {ENTITY} (?:is|was) {_ATTRIBUTE_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
    ),
    _attribute(
        "attribute",
        rf"^{ENTITY}['’]s {_ATTRIBUTE_NOUN} (?:is|was) {_ATTRIBUTE_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
    ),
    _attribute(
        "thing",
        rf"^[Tt]he {_THING_NOUN} of {ENTITY} (?:is|was) {_THING_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
    ),
    _attribute(
        "thing",
        rf"^{ENTITY}['’]s {_THING_NOUN} (?:is|was) {_THING_VALUE}",
        ("The {attribute} of {entity} is {value}.",),
    ),
    _attribute(
        "attribute",
        rf"^(?P<value>{NAME}) is the (?P<attribute>capital|{PERSON_NOUNS}) of "
        rf"{ENTITY}{END}",
        ("The {attribute} of {entity} is {value}.",),
    ),
)
