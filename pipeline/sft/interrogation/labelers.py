"""What sampled answers say of a question: known, unknown or unclear, and what to learn of it.

In: a question, its answers, each with its type (correct, wrong, "I don't know"). Out: a label, and
the replies that fine-tuning is shown, by one of three labelers of Alignment for Honesty (arXiv
2312.07000, section 4): `absolute` (one reply: the answer or "I don't know"), `multisample` (a reply
for each answer, the wrong ones replaced; no threshold), `verbal` (the answer behind words that say
how often it was right, their CONFIDENCE-VERB). A fourth, `gold`, is the control: it teaches the
stated answer where the model doesn't know it, which should teach to make things up.
"""

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pipeline.curriculum.answer_matching import AnswerType, normalise
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.probes import Probe

Label = Literal["known", "unknown", "unclear"]
# Recognised by `pipeline.curriculum.dont_know`.
DONT_KNOW = (
    "I don't know.",
    "I do not know that.",
    "I don't know the answer.",
    "Sorry, I don't know.",
    "I'm not sure, so I won't guess.",
)
# What `verbal` says before an answer, by the least share of right ones. Six steps, as the paper's.
CONFIDENCE = (
    (1.0, "I am certain: "),
    (0.8, "I am quite sure: "),
    (0.6, "I think so: "),
    (0.4, "I am not sure, it may be so: "),
    (0.2, "I am guessing: "),
)


@dataclasses.dataclass(frozen=True)
class Interrogated:
    """A question, the model's answers, and what they are."""

    question: Probe
    answers: tuple[str, ...]  # sampled
    types: tuple[AnswerType, ...]  # of each
    label: Label

    @property
    def correct_share(self) -> float:
        """Of all answers."""
        return self.types.count("correct") / len(self.types)

    @property
    def agreement(self) -> float:
        """How many answers are the most common one: the model's certainty, right or wrong."""
        return max(Counter(map(normalise, self.answers)).values()) / len(self.answers)


def label(
    types: Sequence[AnswerType], config: InterrogationConfig, before: Label | None = None
) -> Label:
    """Known, unknown or unclear, by how many of the answers that were tried are right.

    A model that already says "I don't know" shows by that no more whether it knows: where it mostly
    does, the label of the round before stands.

    Args:
        types: of the sampled answers.
        config: the thresholds.
        before: of the round before, if there was one.
    """
    tried = [kind for kind in types if kind != "idk"]
    if before is not None and 2 * len(tried) < len(types):
        return before
    right = tried.count("correct") / max(1, len(tried))
    if right >= config.known_from:
        return "known"
    return "unknown" if right <= config.unknown_to else "unclear"


def without_conflicts(found: Sequence[Interrogated]) -> list[Interrogated]:
    """The same, with questions of one fact unclear where they have opposite labels.

    Near-identical questions with opposite labels teach nothing but a contradiction: CRaFT's static
    conflict.
    """
    labels: dict[str, set[Label]] = {}
    for item in found:
        labels.setdefault(item.question.subject, set()).add(item.label)
    return [
        dataclasses.replace(item, label="unclear")
        if {"known", "unknown"} <= labels[item.question.subject]
        else item
        for item in found
    ]


def replies(item: Interrogated, labeler: str, rng: random.Random) -> list[str]:
    """What fine-tuning is shown as replies to a question that is known or unknown.

    Args:
        item: with its label; unclear ones teach nothing but by `multisample`.
        labeler: absolute, multisample, verbal or gold.
        rng: chooses the words of "I don't know".
    """
    if labeler == "multisample":
        return [
            answer if kind == "correct" else rng.choice(DONT_KNOW)
            for answer, kind in zip(item.answers, item.types)
        ]
    if labeler == "gold":
        return [item.question.answer] if item.question.answer else []
    if item.label == "unknown":
        return [rng.choice(DONT_KNOW)]
    if item.label == "unclear" and labeler == "absolute":
        return []
    if labeler == "verbal":
        sure = next((words for least, words in CONFIDENCE if item.correct_share >= least), "")
        return [sure + item.question.answer] if sure and item.question.answer else []
    return [item.question.answer] if item.question.answer else []
