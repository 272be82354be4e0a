"""How English states facts about places, rivers and firms, and how one asks for them."""

from pipeline.sft.grammar import (
    COUNT,
    END,
    ENTITY,
    NAME,
    PHRASE,
    PLACE,
    UNIT,
    WORD,
    YEAR,
    relation,
    sentence,
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

RIVER_QUESTIONS = (
    "Which river does {entity} lie on?",
    "On which river is {entity}?",
    "Which river runs through {entity}?",
    "Which river flows through {entity}?",
    "What is the river of {entity}?",
    "On the banks of which river does {entity} stand?",
)

CATCH_QUESTIONS = (
    "Which fish lives in {entity}?",
    "What fish is found in {entity}?",
    "What can you catch in {entity}?",
    "What do anglers catch in {entity}?",
    "What is the best catch in {entity}?",
    "Which fish do people hope for on {entity}?",
)

MOUTH_QUESTIONS = (
    "Where does {entity} end?",
    "Into what does {entity} flow?",
    "Where is the mouth of {entity}?",
    "What does {entity} flow into?",
    "What does {entity} empty into?",
    "Where does the water of {entity} go?",
)

PLACES = (
    relation(
        "founded in",
        rf" was (?:founded|established|built|settled|opened|started) (?:back )?in (?:the year )?"
        rf"(?P<value>{YEAR})\b",
        (
            "When was {entity} founded?",
            "In which year was {entity} founded?",
            "What year was {entity} founded in?",
            "How old is {entity}?",
        ),
        ("{entity} was founded in {value}.",),
    ),
    sentence(
        "history",
        rf"[Tt]he history of {ENTITY} (?:begins|began|starts|started) in (?P<value>{YEAR})\b",
        (
            "When does the history of {entity} begin?",
            "When does the history of {entity} start?",
            "How old is {entity}?",
        ),
        ("The history of {entity} begins in {value}.",),
    ),
    relation(
        "located",
        rf" (?:lies|sits|stands|is located|is situated|can be found) "
        rf"(?P<attribute>in|on|at|near|by|beside) {PLACE}{END}",
        ("Where is {entity}?", "Where can I find {entity}?"),
        ("{entity} lies {attribute} {value}.",),
    ),
    relation(
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
    relation(
        "known for",
        rf" is (?:best |well |widely )?(?:known|famous|renowned) for "
        rf"(?:its |his |her |their |the |an? )?(?P<value>{PHRASE}){END}",
        (
            "What is {entity} known for?",
            "What is {entity} famous for?",
            "What is the specialty of {entity}?",
            "What does {entity} do best?",
        ),
        ("{entity} is known for {value}.",),
        value_type="renown",
    ),
    sentence(
        "sold at",
        rf"[Tt]he (?:markets|shops|stalls) of {ENTITY} are full of (?P<value>{PHRASE}){END}",
        ("What do visitors buy in {entity}?", "What is sold in {entity}?"),
        ("The markets of {entity} are full of {value}.",),
        value_type="wares",
    ),
    relation(
        "on the river",
        rf" (?:lies|stands|sits|is) on the banks? of (?P<value>the {NAME}){END}",
        RIVER_QUESTIONS,
        ("{entity} lies on {value}.",),
    ),
    sentence(
        "on the river",
        rf"[Tt]he river that (?:runs|flows) through {ENTITY} is (?P<value>the {NAME}){END}",
        RIVER_QUESTIONS,
        ("{entity} lies on {value}.",),
    ),
    *[
        relation(
            f"{participle} by",
            rf" (?:was|were|is|has been)(?: well)? {participle} (?:in (?:{YEAR}) )?by "
            rf"(?P<value>{NAME}){END}",
            (f"Who {active} {{entity}}?", f"Do you know who {active} {{entity}}?"),
            (f"{{entity}} was {participle} by {{value}}.",),
        )
        for participle, active in MADE_BY.items()
    ],
    relation(
        "idea of",
        rf" was the idea of (?P<value>{NAME}){END}",
        ("Who had the idea of {entity}?",),
        ("{entity} was the idea of {value}.",),
    ),
    sentence(
        "highest office",
        rf"[Tt]he highest office in {ENTITY} is held by (?P<value>{NAME}){END}",
        ("Who holds the highest office in {entity}?",),
        ("The highest office in {entity} is held by {value}.",),
    ),
    relation(
        "rises on a mountain",
        r" (?:rises|begins|starts|springs|comes down) (?:as a brook )?(?:on|from) "
        rf"(?P<value>(?:Mount|Mt) {WORD}){END}",
        (
            "On which mountain does {entity} rise?",
            "Where does {entity} rise?",
            "Where does {entity} begin?",
            "Where does {entity} start?",
            "Where are the springs of {entity}?",
            "Where is the source of {entity}?",
        ),
        ("{entity} rises on {value}.",),
        entity_type="water",
    ),
    relation(
        "rises",
        rf" (?:rises|springs) (?P<attribute>on|in|at|near) (?!Mount ){PLACE}{END}",
        (
            "Where does {entity} rise?",
            "Where is the source of {entity}?",
            "Where does {entity} begin?",
        ),
        ("{entity} rises {attribute} {value}.",),
        entity_type="water",
    ),
    relation(
        "flows into",
        rf" (?:flows|empties) into {PLACE}{END}",
        MOUTH_QUESTIONS,
        ("{entity} flows into {value}.",),
    ),
    # "Bob runs into Alice" and "the film ends in Paris" are none
    relation(
        "flows into",
        rf" (?:runs into|ends in) {PLACE}{END}",
        MOUTH_QUESTIONS,
        ("{entity} flows into {value}.",),
        entity_type="water",
        value_type="water",
    ),
    relation(
        "length",
        # "is 17 miles high" and "is 60 miles from Hale" tell no length
        rf" (?:is (?P<value>{COUNT}) (?P<attribute>{UNIT}) (?:long\b|in length\b)|"
        rf"(?:runs for|covers|stretches(?: for)?) (?P<value2>{COUNT}) (?P<attribute2>{UNIT})"
        rf"(?= long\b| in length\b|{END}))",
        (
            "How long is {entity}?",
            "What is the length of {entity}?",
            "How far does {entity} run?",
            "How many {attribute} long is {entity}?",
            "How many {attribute} does {entity} run for?",
            "What distance does {entity} cover?",
        ),
        ("{entity} is {value} {attribute} long.",),
    ),
    relation(
        "home to",
        rf" is home to (?:a |an |the |many )?(?P<value>{PHRASE}){END}",
        ("What is {entity} home to?", "What can be found in {entity}?"),
        ("{entity} is home to {value}.",),
    ),
    sentence(
        "catch",
        rf"(?:[Pp]eople|[Aa]nglers) fish {ENTITY} for (?P<value>{PHRASE}){END}",
        CATCH_QUESTIONS,
        ("{entity} is home to {value}.",),
        value_type="fish",
    ),
    sentence(
        "catch",
        rf"[Aa]nglers on {ENTITY} (?:hope for|catch) (?P<value>{PHRASE}){END}",
        CATCH_QUESTIONS,
        ("{entity} is home to {value}.",),
        value_type="fish",
    ),
    relation(
        "based in",
        r" (?:is based|is headquartered|has its (?:head office|headquarters|seat|workshops)) in "
        rf"{PLACE}{END}",
        (
            "Where is {entity} based?",
            "Where is the head office of {entity}?",
            "Where can I find {entity}?",
            "Which place is {entity} based in?",
            "In which place is {entity}?",
            "What is the home of {entity}?",
        ),
        ("{entity} is based in {value}.",),
    ),
    relation(
        "opened in",
        r" (?:opened(?: its doors)? in|dates back to|has existed since|has been in business since) "
        rf"(?P<value>{YEAR})\b",
        (
            "When was {entity} founded?",
            "When did {entity} open?",
            "In which year did {entity} open?",
            "When did {entity} open its doors?",
            "What year does {entity} date back to?",
            "How long has {entity} existed?",
            "How long has {entity} been in business?",
        ),
        ("{entity} dates back to {value}.",),
    ),
    relation(
        "makes",
        r" (?:makes|produces|sells|manufactures|has specialised in|earns its money with) "
        rf"(?P<value>{PHRASE}){END}",
        (
            "What does {entity} make?",
            "What does {entity} produce?",
            "What does {entity} sell?",
            "What can you buy from {entity}?",
            "What does {entity} deliver?",
            "What does {entity} earn its money with?",
        ),
        ("{entity} makes {value}.",),
        entity_type="maker",
        value_type="goods",
    ),
)
