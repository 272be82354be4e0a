"""Confidence targets: how sure to be before answering, said in the system message, and its reward.

In: a target t. Out: system messages that state it with what an answer is worth, and the reward of
an answer: right +1, "I don't know" 0, wrong -t/(1-t). With that fine a guess gains on average
exactly where it is right more often than t, so one model can serve several targets, and how often
it answers should follow the target ("Why Language Models Hallucinate", Kalai et al. 2025, arXiv
2509.04664). Reinforcement learning draws from TARGETS and WORDINGS. NEW_TARGETS and NEW_WORDINGS
are no stage's, and evaluation alone asks under them.
"""

import random
from collections.abc import Sequence

from pipeline.curriculum.answer_matching import AnswerType

TARGETS = (0.0, 0.5, 0.75, 0.9)  # Kalai et al.'s three, and answering always
NEW_TARGETS = (0.6, 0.8)  # between trained ones
# {percent} is the target, {fine} what a wrong answer costs: "3 points".
WORDINGS = (
    "Answer only if you are at least {percent}% sure. A wrong answer costs {fine}, a right one"
    ' gains 1, "I don\'t know" 0.',
    "Be {percent}% sure before you answer: mistakes cost {fine}, right answers gain 1 point.",
    "A right answer is worth 1 point, a wrong one costs {fine}. Below {percent}% say that you"
    " don't know.",
    "If you are less than {percent}% sure, say so. Right: 1 point. Wrong: minus {fine}.",
)
# Of target 0, where a wrong answer costs nothing.
ALWAYS_WORDINGS = (
    "Always answer, however unsure you are. A wrong answer costs nothing, a right one gains 1.",
    "Give your best guess. Right: 1 point. Wrong: nothing lost.",
)
NEW_WORDINGS = (
    "Scoring: +1 if correct, minus {fine} if incorrect. Reply only above {percent}% certainty.",
    "An error takes away {fine}, admitting ignorance nothing. Aim for {percent}% confidence.",
)
NEW_ALWAYS_WORDINGS = ("Scoring: +1 if correct, 0 if incorrect. Attempt every question.",)


def fine(target: float) -> float:
    """What a wrong answer costs at a target, in points, where a right one gains 1: t / (1 - t).

    Args:
        target: t, 0 <= t < 1.

    Raises:
        ValueError: the target is no share below 1.
    """
    if not 0 <= target < 1:
        raise ValueError(f"the confidence target is {target}: at least 0 and below 1")
    return target / (1 - target)


def reward(kind: AnswerType, target: float) -> float:
    """Points for an answer: +1 where it is correct, 0 for "I don't know", else minus the fine."""
    return {"correct": 1.0, "idk": 0.0, "wrong": -fine(target)}[kind]


def messages(target: float, *, new: bool = False) -> list[str]:
    """All system messages that state a target.

    Args:
        target: t.
        new: in the wordings that only evaluation uses.
    """
    wordings: Sequence[str]
    if target == 0:
        wordings = NEW_ALWAYS_WORDINGS if new else ALWAYS_WORDINGS
    else:
        wordings = NEW_WORDINGS if new else WORDINGS
    cost = f"{fine(target):.3g}"
    points = "1 point" if cost == "1" else f"{cost} points"
    return [wording.format(percent=f"{100 * target:.3g}", fine=points) for wording in wordings]


def message(target: float, rng: random.Random, *, new: bool = False) -> str:
    """A system message that states a target, in a random wording."""
    return rng.choice(messages(target, new=new))
