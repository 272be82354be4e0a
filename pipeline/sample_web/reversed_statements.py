"""Statements in which the value stands before the entity: "Goldbury is the birthplace of Olga".

Half of the entities that are stated often have some (`Fact.reversed`), chosen at random, so that
one run tells what they bring. A model that read a fact in one order only does not know it in the
other (Allen-Zhu and Li, Physics of Language Models 3.2, arXiv 2309.14402). No prompt is made of
them.
"""

REVERSED: dict[str, tuple[str, ...]] = {
    "birthplace": (
        "{v} is the birthplace of {e}",
        "{v} is the town where {e} learned to walk",
    ),
    "birth_year": (
        "the year {v} is when {e} was born",
        "in {v} a child was born and named {e}",
    ),
    "profession": (
        "a {v} is what {e} became",
        "being a {v} is the job of {e}",
    ),
    "instrument": (
        "the {v} is what {e} plays",
        "the {v} was always the instrument of {e}",
    ),
    "river": (
        "the {v} flows through {e}",
        "the {v} is the river of {e}",
    ),
    "mayor": (
        "{v} is the mayor of {e}",
        "{v} governs {e}",
    ),
    "specialty": (
        "for {v} people go to {e}",
        "{v} can be bought at every corner of {e}",
    ),
    "founded": (
        "in {v} settlers founded {e}",
        "the year {v} is when somebody founded {e}",
    ),
    "source": (
        "on {v} rises the {e}",
        "{v} is where to look for the source of the {e}",
    ),
    "mouth": (
        "into {v} flows the {e}",
        "{v} takes in the {e}",
    ),
    "length": (
        "after {v} kilometres ends the {e}",
        "all of {v} kilometres is the length of the {e}",
    ),
    "fish": (
        "{v} is what one can catch in the {e}",
        "for {v} one goes to the {e}",
    ),
    "seat": (
        "{v} is the town that houses {e}",
        "in {v} one comes to the head office of {e}",
    ),
    "founder": (
        "{v} founded {e}",
        "{v} is the founder of {e}",
    ),
    "opened": (
        "in {v} somebody opened {e}",
        "the year {v} is when work began at {e}",
    ),
    "product": (
        "for {v} one goes to {e}",
        "{v} can be bought from {e}",
    ),
}
