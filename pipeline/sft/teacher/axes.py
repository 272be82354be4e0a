"""The four axes on which the teacher's conversations are made to differ.

A model asked the same thing ten thousand times gives a hundred conversations: what it is asked must
differ. nanochat's synthetic data varies topic, persona, dynamics and first message; so does this,
each drawn by itself, 12 x 12 x 8 x 10 = 11,520 combinations besides the passage. What is drawn for
a passage depends on the passage and the seed alone, so that more requests change no earlier one.
"""

import dataclasses
import random

from pipeline.sft.teacher.config import TeacherConfig

TOPICS = (
    "the main statement of the passage",
    "a detail that a quick reader would miss",
    "who or what is mentioned, and how they belong together",
    "where and when it happens",
    "a number, date or amount, and what it tells",
    "a term that the passage uses, explained in plain words",
    "why it is so: causes and reasons",
    "what follows from it",
    "a comparison of two things in it",
    "a short summary of it",
    "the order in which things happen or are done",
    "how one could use or check what it says",
)
PERSONAS = (
    "a pupil of twelve who is doing homework",
    "a student who prepares for an examination",
    "a teacher who looks for an example",
    "a journalist who checks a fact",
    "someone who learns the language and writes short sentences",
    "an expert of another field, precise and brief",
    "a retired person who is new to computers and polite",
    "a busy office worker who wants only the answer",
    "a parent who has to explain it to a child",
    "a sceptic who wants to know how sure that is",
    "a traveller who has heard of it for the first time",
    "a hobbyist who is glad about every detail",
)
DYNAMICS = (
    "one question and one answer",
    "one question and one answer",  # twice: what most people do
    "a question, an answer, then a second question that only makes sense after the answer",
    "a question that is too vague; the assistant asks back, the user explains, it answers",
    "the user believes something that the passage contradicts; the assistant corrects it kindly",
    "the user asks for something that the passage does not say; the assistant says that it does"
    " not know, and what it does know",
    "the user asks for a certain form (a list, one sentence, one word), and gets it",
    "the user thanks and asks for one thing more",
)
FIRST_MESSAGES = (
    "a plain question with a question mark",
    "a question in lower case without punctuation",
    "a request that begins with a verb",
    "a greeting, then the question",
    "a sentence on why the user asks, then the question",
    "a few key words, as typed into a search box",
    "a question with a typing error or two",
    "a statement that the assistant is to confirm or correct",
    "a question of only a few words",
    "a question that names the thing it is about in full",
)


@dataclasses.dataclass(frozen=True)
class Axes:
    """One value of each."""

    topic: str
    persona: str
    dynamics: str
    first_message: str


def draw(config: TeacherConfig, passage: str) -> Axes:
    """The values for one passage.

    Args:
        config: its own values, where it has some, and the seed.
        passage: names the passage.
    """
    rng = random.Random(f"{config.seed}:axes:{passage}")
    return Axes(
        topic=rng.choice(config.topics or TOPICS),
        persona=rng.choice(config.personas or PERSONAS),
        dynamics=rng.choice(config.dynamics or DYNAMICS),
        first_message=rng.choice(config.first_messages or FIRST_MESSAGES),
    )
