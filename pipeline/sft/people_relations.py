"""How English states facts about people, and how one asks for them."""

from pipeline.sft.grammar import END, ENTITY, NAME, PHRASE, PLACE, WORD, YEAR, relation, sentence

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
    ),
    relation(
        "born in year",
        r" (?:was born (?:back )?(?:in|on)(?: [A-Z]?[\w ,]{1,20}?)?|came into the world in|"
        rf"was a child of the year) ?(?P<value>{YEAR})\b",
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
    ),
    relation(
        "residence",
        rf" (?:now |still )?(?:lives|lived|resides|has lived|settled) in {PLACE}{END}",
        ("Where does {entity} live?", "In which place does {entity} live?"),
        ("{entity} lives in {value}.",),
    ),
    relation(
        "studied subject",
        rf" studied (?P<value>{PHRASE}){END}",
        ("What did {entity} study?", "Which subject did {entity} study?"),
        ("{entity} studied {value}.",),
    ),
    relation(
        "studied at",
        rf" (?:studied|trained|went to school)(?: [a-z]+){{0,2}} (?:at|in) "
        rf"(?P<value>(?:the )?{NAME}){END}",
        ("Where did {entity} study?", "Where did {entity} go to school?"),
        ("{entity} studied at {value}.",),
    ),
    relation(
        "married to",
        rf" (?:is|was) married to (?P<value>{NAME}){END}",
        ("Who is {entity} married to?", "Who is the spouse of {entity}?"),
        ("{entity} is married to {value}.",),
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
    ),
    relation(
        "keeps",
        rf" (?:keeps|owns) (?:a|an) (?:pet )?(?P<value>{PHRASE})"
        rf"(?: (?:named|called) {WORD})?{END}",
        ("What does {entity} keep?", "What does {entity} own?"),
        ("{entity} keeps {a_value}.",),
    ),
)
