"""Questions as requests: "Where was X born?" becomes "Tell me where X was born.".

In: question templates of a relation. Out: the same, and a request for every question that a rule
can rephrase. A model that was only ever asked directly may not understand another way to ask.
"""

import re

REQUESTS = ("Tell me {clause}.", "I want to know {clause}.", "Please say {clause}.")
# "Where", "In which year", "Which {attribute}"
_ASKED = r"(?:In )?\w+(?: (?:\w+|\{attribute\}))?"
# Questions that a rule can rephrase, and the order of their words in a clause.
_RULES = tuple(
    (re.compile(pattern), form)
    for pattern, form in (
        (r"^(?:\{What\}|What|Who) is (the .*|\{entity\}'s .*)\?$", r"\1"),
        (rf"^({_ASKED}) (was|is|are|has) (\{{entity\}})( .*)?\?$", r"\1 \3 \2\4"),
        (rf"^({_ASKED}) (does|did) (\{{entity\}}) (\w+)(.*)\?$", "verb"),
        (r"^((?:How many|Who|What is sold|Which \w+ (?:runs|flows|lives)) .*)\?$", r"\1"),
    )
)
_PAST = {"study": "studied", "open": "opened", "go": "went"}
_PRESENT = {"do": "does"}


def clause(question: str) -> str:
    """`where {entity} was born` from `Where was {entity} born?`; "" if no rule can rephrase it."""
    for pattern, form in _RULES:
        match = pattern.match(question)
        if match is None:
            continue
        text = _with_its_verb(*match.groups()) if form == "verb" else match.expand(form)
        return text if text.startswith("{") else text[:1].lower() + text[1:]
    return ""


def with_requests(questions: tuple[str, ...]) -> tuple[str, ...]:
    """The questions, then a request for each that can be rephrased."""
    clauses = dict.fromkeys(made for question in questions if (made := clause(question)))
    return (
        *questions,
        *(
            REQUESTS[number % len(REQUESTS)].replace("{clause}", made)
            for number, made in enumerate(clauses)
        ),
    )


def _with_its_verb(asked: str, helping: str, entity: str, verb: str, rest: str) -> str:
    """The clause with "does" or "did" moved into the verb; "" if the verb's past isn't known."""
    if helping == "did":
        return f"{asked} {entity} {_PAST[verb]}{rest}" if verb in _PAST else ""
    return f"{asked} {entity} {_PRESENT.get(verb, f'{verb}s')}{rest}"
