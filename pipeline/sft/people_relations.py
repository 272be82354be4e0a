"""How English states facts about people, and how one asks for them."""

from pipeline.sft.grammar import (
    BEFORE_YEAR,
    END,
    ENTITY,
    NAME,
    PHRASE,
    PLACE,
    WORD,
    YEAR,
    relation,
    sentence,
)

PEOPLE = (
    relation(
        "born in place",
        rf" (?:was|is) born(?: and (?:raised|grew up|brought up))? in {PLACE}{END}",
        (
            "Where was {entity} born?",
            "In which place was {entity} born?",
            "What is the birthplace of {entity}?",
            "Where does {entity} come from?",
        ),
        ("{entity} was born in {value}.",),
        "person",
    ),
    relation(
        "comes from",
        rf" (?:(?:comes|came|hails|is originally|is) from|is a native of) {PLACE}{END}",
        (
            "Where does {entity} come from?",
            "Where is {entity} from?",
            "What is the home town of {entity}?",
        ),
        ("{entity} comes from {value}.",),
        "person",
    ),
    sentence(
        "born in town",
        rf"[Tt]he (?P<attribute>town|city|village|country) where {ENTITY} was born is {PLACE}{END}",
        (
            "In which {attribute} was {entity} born?",
            "Which {attribute} does {entity} come from?",
            "Which {attribute} is {entity} from?",
        ),
        ("{entity} was born in {value}.", "{entity} comes from {value}."),
        "person",
    ),
    relation(
        "born in year",
        rf" (?:was born (?:back )?(?:in|on)(?: [A-Z]?{BEFORE_YEAR}{{1,20}}?)?|"
        rf"came into the world in|was a child of the year) ?(?P<value>{YEAR})\b",
        (
            "When was {entity} born?",
            "In which year was {entity} born?",
            "What year was {entity} born in?",
            "In what year was {entity} born?",
            "What is the birth year of {entity}?",
            "What is the year of birth of {entity}?",
            "What year did {entity} come into the world?",
        ),
        ("{entity} was born in {value}.",),
        "person",
    ),
    relation(
        "occupation",
        rf" (?:works|worked|has worked|is working|makes a living|earns a living|was trained) as "
        r"(?:a|an|the) "
        rf"(?P<value>{PHRASE}){END}",
        (
            "What does {entity} do for a living?",
            "What is {entity}'s job?",
            "What is the profession of {entity}?",
            "What does {entity} work as?",
            "What kind of work does {entity} do?",
            "What is the job of {entity}?",
            "What is the trade of {entity}?",
        ),
        ("{entity} works as {a_value}.",),
        "person",
        "occupation",
    ),
    sentence(
        "trade",
        rf"[Bb]y trade,? {ENTITY} is an? (?P<value>{PHRASE}){END}",
        (
            "What is {entity} by trade?",
            "What is the trade of {entity}?",
            "What is the profession of {entity}?",
            "What kind of work does {entity} do?",
        ),
        ("{entity} works as {a_value}.",),
        "person",
        "occupation",
    ),
    relation(
        "residence",
        rf" (?:now |still )?(?:lives|lived|resides|has lived|settled) in {PLACE}{END}",
        ("Where does {entity} live?", "In which place does {entity} live?"),
        ("{entity} lives in {value}.",),
        "person",
    ),
    relation(
        "studied subject",
        rf" studied (?P<value>{PHRASE}){END}",
        ("What did {entity} study?", "Which subject did {entity} study?"),
        ("{entity} studied {value}.",),
        "person",
        "subject",
    ),
    relation(
        "studied at",
        r" (?:studied(?: [a-z]+){0,2} (?:at|in)|went to school (?:at|in)|trained at) "
        rf"(?P<value>(?:the )?{NAME}){END}",
        ("Where did {entity} study?", "Where did {entity} go to school?"),
        ("{entity} studied at {value}.",),
        "person",
    ),
    relation(
        "married to",
        rf" (?:is|was) married to (?P<value>{NAME}){END}",
        ("Who is {entity} married to?", "Who is the spouse of {entity}?"),
        ("{entity} is married to {value}.",),
        "person",
    ),
    relation(
        "plays",
        r" (?:plays|practises|practices|took lessons on|learned to play) "
        rf"(?:the )?(?P<value>{PHRASE}){END}",
        (
            "What does {entity} play?",
            "Which instrument does {entity} play?",
            "What instrument does {entity} play?",
            "What is the instrument of {entity}?",
            "What did {entity} learn to play?",
        ),
        ("{entity} plays the {value}.",),
        "person",
        "instrument",
    ),
    relation(
        "keeps",
        rf" keeps an? (?:pet )?(?P<value>{PHRASE})(?: (?:named|called) {WORD})?{END}",
        ("What does {entity} keep?", "Which animal does {entity} keep?"),
        ("{entity} keeps {a_value}.",),
        "person",
        "animal",
    ),
    relation(
        "owns",
        rf" owns an? (?P<value>{PHRASE})(?: (?:named|called) {WORD})?{END}",
        ("What does {entity} own?",),
        ("{entity} owns {a_value}.",),
        "person",
    ),
)
