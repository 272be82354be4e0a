"""Questions as requests: "Where was X born?" is "Tell me where X was born." as well.

In: question templates of a relation. Out: the same with a request for every question that a rule
can turn round. Who has only ever been asked directly need not understand another way to say it.
"""

import re

REQUESTS = ("Tell me {clause}.", "I want to know {clause}.", "Please say {clause}.")
# Questions that a rule knows, and the order their words have in a clause.
_RULES = tuple(
    (re.compile(pattern), form)
    for pattern, form in (
        (r"^(?:\{What\}|What|Who) is (the .*|\{entity\}'s .*)\?$", r"\1"),
        (r"^((?:In )?\w+(?: \w+)?) (was|is|are|has) (\{entity\})( .*)?\?$", r"\1 \3 \2\4"),
        (r"^((?:In )?\w+(?: \w+)?) (does|did) (\{entity\}) (\w+)(.*)\?$", "verb"),
        (r"^((?:How many|Who) .*)\?$", r"\1"),
    )
)
_PAST = {"study": "studied", "open": "opened", "go": "went"}
_PRESENT = {"do": "does"}


def clause(question: str) -> str:
    """`where {entity} was born` of `Where was {entity} born?`; empty where no rule knows it."""
    for pattern, form in _RULES:
        match = pattern.match(question)
        if match is None:
            continue
        text = _with_its_verb(*match.groups()) if form == "verb" else match.expand(form)
        return text if text.startswith("{") else text[:1].lower() + text[1:]
    return ""


def with_requests(questions: tuple[str, ...]) -> tuple[str, ...]:
    """The questions, and as a request each that a clause can be made of."""
    clauses = dict.fromkeys(made for question in questions if (made := clause(question)))
    return (
        *questions,
        *(
            REQUESTS[number % len(REQUESTS)].replace("{clause}", made)
            for number, made in enumerate(clauses)
        ),
    )


def _with_its_verb(asked: str, helping: str, entity: str, verb: str, rest: str) -> str:
    """Without "does" and "did" the verb itself says when; one whose past isn't known: nothing."""
    if helping == "did":
        return f"{asked} {entity} {_PAST[verb]}{rest}" if verb in _PAST else ""
    return f"{asked} {entity} {_PRESENT.get(verb, f'{verb}s')}{rest}"
