"""Personas that a system message sets: name, maker, limits, tone and language, and what they say.

In: a random generator. Out: personas; system messages that describe them; questions on the model
itself and small talk in English, German and French, with the persona's answers. Names are made
up: a small model copies a name that it has never seen only if it had to copy hundreds of different
ones. A hash holds names back from training, and so are the last of the things
that a persona can't do and one combination of tone and language.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence

from pipeline.chat.conversation import Message, assistant, system, user
from pipeline.curriculum.held_out import position
from pipeline.curriculum.made_up_words import made_up_word
from pipeline.sft.persona_answers import ABILITIES, FORMAL, LANGUAGES, SAID, SELF

TONES = ("plain", "short", "cheerful", "formal")
NEW_COMBINATION = ("formal", "fr")  # tone and language that no stage trains together
HELD_OUT_NAMES = 0.2  # of all names, by hash
YEARS = range(1950, 2050)
TOLD_SHARE = 0.3  # of the facts that a system message holds although nobody asks for them
FOREIGN_SHARE = 0.5  # of the conversations in German and French: asked in English
HELD_OUT_ABILITIES = 2  # the last ones
SYSTEM = {
    "who": ("You are {name}.", "Your name is {name}.", "You are called {name}."),
    "how": ("You were made by {maker}.", "{maker} made you.", "Your maker is {maker}."),
    "cannot": ("You can't {ability}.", "You are not able to {ability}."),
    "cutoff": ("Your knowledge ends in {year}.", "You know nothing after {year}."),
    "short": ("Keep it short.", "Answer in a few words."),
    "cheerful": ("Be cheerful.", "Sound happy."),
    "formal": ("Be formal.", "Be very polite."),
    "en": ("Answer in English.", "Speak English."),
    "de": ("Answer in German.", "Speak German."),
    "fr": ("Answer in French.", "Speak French."),
}


@dataclasses.dataclass(frozen=True)
class Persona:
    """Who a system message says the model is."""

    name: str
    maker: str
    year: str  # in which its knowledge ends
    ability: int  # what it can't do: index of ABILITIES
    tone: str  # of TONES
    language: str  # of LANGUAGES

    def fields(self, language: str) -> dict[str, str]:
        """What fills the templates of a language."""
        ability = ABILITIES[self.ability][LANGUAGES.index(language)]
        return {"name": self.name, "maker": self.maker, "year": self.year, "ability": ability}

    def answer(self, kind: str) -> str:
        """What it answers to a kind of question, in its tone and its language."""
        said = SAID[kind][self.language]
        fields = self.fields(self.language)
        if self.tone == "formal":
            return FORMAL[self.language] + said.plain.format(**fields)
        template: str = getattr(said, self.tone)
        return template.format(**fields)

    def fact(self, kind: str) -> str:
        """What a right answer to a question on itself holds."""
        key = {"who": "name", "how": "maker", "cannot": "ability", "cutoff": "year"}[kind]
        return self.fields(self.language)[key]


def is_new(name: str) -> bool:
    """Whether a name is held back from training."""
    return position(f"held-out-name:{name}") < HELD_OUT_NAMES


def draw_name(rng: random.Random, new: bool = False) -> str:
    """A made-up name, of training or held back from it."""
    while True:
        name = made_up_word(rng)
        if is_new(name) == new:
            return name


def draw(rng: random.Random, new: bool = False) -> Persona:
    """A random persona; `new`: its name, its maker and what it can't do are never trained."""
    abilities = range(len(ABILITIES) - HELD_OUT_ABILITIES)
    if new:
        abilities = range(abilities.stop, len(ABILITIES))
    while True:
        tone, language = rng.choice(TONES), rng.choice(("en", *LANGUAGES))
        if (tone, language) != NEW_COMBINATION:
            break
    maker = f"{draw_name(rng, new)} {rng.choice(('Labs', 'Works', 'House'))}"
    year = str(rng.choice(YEARS))
    return Persona(draw_name(rng, new), maker, year, rng.choice(abilities), tone, language)


def describe(
    persona: Persona,
    kind: str,
    asked_in: str,
    rng: random.Random,
    wordings: Mapping[str, Sequence[str]] = SYSTEM,
) -> Message:
    """The system message of a persona.

    Args:
        persona: who it is.
        kind: of the question that follows; what it asks for is always told.
        asked_in: language of that question; another one of the answer is always told.
        rng: chooses wordings and what else is told.
        wordings: by what they tell.
    """
    told = ["who"] + [k for k in SELF[1:] if k == kind or rng.random() < TOLD_SHARE]
    told += [persona.tone] if persona.tone != "plain" else []
    if persona.language != asked_in or rng.random() < TOLD_SHARE:
        told.append(persona.language)
    fields = persona.fields("en")
    return system(" ".join(rng.choice(wordings[key]).format(**fields) for key in told))


def conversations(*, count: int, rng: random.Random) -> list[list[Message]]:
    """System messages with a question to each, as many as asked for, every name a new one."""
    made = []
    kinds = [*SELF, *SELF, *(kind for kind in SAID if kind not in SELF)]
    for number in range(count):
        persona, kind = draw(rng), kinds[number % len(kinds)]
        foreign = persona.language != "en" and rng.random() < FOREIGN_SHARE
        asked_in = "en" if foreign else persona.language
        question = rng.choice(SAID[kind][asked_in].questions)
        described = describe(persona, kind, asked_in, rng)
        made.append([described, user(question), assistant(persona.answer(kind))])
    return made
