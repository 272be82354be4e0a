"""Does the model say the same of itself however it is asked, and what a system message tells it?

In: a model that converses (a base model has no turns and isn't asked). Twenty wordings that no
stage trains ask who it is, how it was made, what it can't do and when its knowledge ends: a reply
is right if it holds that fact. System messages then describe personas whose names, makers and
limits no stage trains, and ask the same: a reply follows if it holds the persona's fact, has its
tone, is in its language. `persona_new_combination` is a tone and a language that were never trained
together; in `persona_new_wordings` names are told and asked for in words that weren't.
"""

import dataclasses
import random

from pipeline.chat.conversation import Message, user
from pipeline.evals import paraphrases
from pipeline.evals.asking import Scores, Subject, ask, spread
from pipeline.evals.config import EvalsConfig
from pipeline.evals.facts_suite import contains
from pipeline.sft import identity, persona_answers, personas
from pipeline.sft.personas import Persona

SUITE = "self"
# By task of a persona what is asked for; tone and language are judged on all kinds.
ASKED = {
    "persona_name": ("who",),
    "persona_maker": ("how",),
    "persona_limits": ("cannot",),
    "persona_cutoff": ("cutoff",),
    "persona_tone": persona_answers.SELF,
    "persona_language": persona_answers.SELF,
    "persona_new_combination": persona_answers.SELF,
    "persona_new_wordings": ("who",),
}
# Where not what is said is judged, but how.
SOUND = ("persona_tone", "persona_language", "persona_new_combination")


@dataclasses.dataclass(frozen=True)
class SelfQuestion:
    """A conversation that ends with the user's turn, and what a right reply holds."""

    task: str
    messages: tuple[Message, ...]
    kind: str
    facts: tuple[str, ...] = ()  # one of these
    persona: Persona | None = None


def measure(subject: Subject, scores: Scores) -> None:
    """Add the consistency by kind, and the shares of personas that are followed."""
    if not subject.chats:
        return
    config = subject.config
    for metric, asked in (
        ("consistent", consistency(config)),
        ("followed", of_personas(config)),
    ):
        replies = ask(subject, [question.messages for question in asked], config.max_fact_tokens)
        marks = [r.stopped and is_right(q, r.text) for r, q in zip(replies, asked)]
        for task in dict.fromkeys(question.task for question in asked):
            of = [mark for mark, question in zip(marks, asked) if question.task == task]
            scores.share(SUITE, task, metric, of)
        scores.share(SUITE, "paraphrases" if metric == "consistent" else "personas", metric, marks)
        for i in spread(range(len(asked)), config.samples_per_suite // 2):
            prompt = " / ".join(message.content for message in asked[i].messages)
            scores.sample(SUITE, prompt, replies[i].text, _expected(asked[i]), marks[i])


def consistency(config: EvalsConfig) -> list[SelfQuestion]:
    """The paraphrases of each kind, without a system message."""
    told = {"name": config.name, "cutoff": identity.cutoff(config.knowledge_cutoff)}
    return [
        SelfQuestion(
            kind, (user(text),), kind, tuple(f.format(**told) for f in identity.FACTS[kind])
        )
        for kind, texts in paraphrases.SELF.items()
        for text in texts
    ]


def of_personas(config: EvalsConfig) -> list[SelfQuestion]:
    """Personas that no stage trains, each asked one question."""
    rng = random.Random(f"{config.seed}:{SUITE}")
    made = []
    for task, kinds in ASKED.items():
        for number in range(config.personas):
            persona = _persona(task, number, rng)
            kind = kinds[number % len(kinds)]
            new = task == "persona_new_wordings"
            asked_in = "en" if persona.language == "en" or number % 2 else persona.language
            trained = persona_answers.SAID[kind][asked_in].questions
            asked = rng.choice(paraphrases.SELF[kind] if new else trained)
            wordings = paraphrases.SYSTEM if new else personas.SYSTEM
            described = personas.describe(persona, kind, asked_in, rng, wordings)
            facts = (persona.fact(kind),)
            made.append(SelfQuestion(task, (described, user(asked)), kind, facts, persona))
    return made


def is_right(question: SelfQuestion, reply: str) -> bool:
    """Whether a reply holds the fact, or has the tone and language that are asked for."""
    persona = question.persona
    if persona is None or question.task not in SOUND:
        return any(contains(reply, fact) for fact in question.facts)
    toned = persona_answers.has_tone(reply, persona.tone, persona.language)
    spoken = persona_answers.language_of(reply) == persona.language
    return (toned or question.task == "persona_language") and (
        spoken or question.task == "persona_tone"
    )


def _persona(task: str, number: int, rng: random.Random) -> Persona:
    """A new persona that has what the task judges, and nothing that hides it."""
    persona = personas.draw(rng, new=True)
    if task == "persona_tone":  # plain is what every answer is
        return dataclasses.replace(persona, tone=personas.TONES[1 + number % 3], language="en")
    if task == "persona_language":  # a short answer may be a name alone
        language = persona_answers.LANGUAGES[number % len(persona_answers.LANGUAGES)]
        return dataclasses.replace(persona, tone="plain", language=language)
    if task == "persona_new_combination":
        tone, language = personas.NEW_COMBINATION
        return dataclasses.replace(persona, tone=tone, language=language)
    return dataclasses.replace(persona, tone="plain", language="en")


def _expected(question: SelfQuestion) -> str:
    persona = question.persona
    if persona is None or question.task not in SOUND:
        return " / ".join(question.facts)
    return f"{persona.tone}, {persona.language}"
