"""Figures of rollouts: the table's rows in, sums that processes can add, then means.

What is reported of a policy (reward, length, entropy) is over all that it said, answers to replaced
tasks included: those are no worse a sample. What is reported of the update (flat groups) is over
the groups that are learned from.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from pipeline.curriculum.answer_matching import AnswerType
from pipeline.curriculum.tasks import is_worked
from pipeline.rl.honesty_prompts import KIND

LOGGED = (
    "reward",
    "length",
    "entropy",
    "worked_share",
    "truncated_share",
    "flat_group_share",
    "wasted_share",
)
HONESTY_LOGGED = ("right_share", "honesty_reward", "answer_rate")  # where honesty is asked as well


class RolloutRow(TypedDict):
    """A row of storage.schemas.ROLLOUTS."""

    step: int
    task: str
    level: int
    group: int
    draw: int  # of the group's task: 0, or how often its place had been drawn anew
    replaced: bool  # whether another task took its place
    prompt: str
    completion: str
    answer: str
    reward: float
    advantage: float
    length: int  # tokens
    logprob: float  # of all tokens together
    stopped: bool
    answer_type: AnswerType
    target: float | None  # of task honesty


class RolloutSums(TypedDict):
    """Sums over rollouts; those of several processes can be added."""

    answers: float  # how many
    reward: float
    tokens: float
    nats: float  # -log p, over tokens
    worked: float  # answers that show their work
    stopped: float  # answers that ended by themselves
    drawn: float  # groups
    solved: float  # groups with a right answer
    groups: float  # that are learned from
    flat: float  # of those, the ones without variance in reward
    wasted: float  # answers in groups without variance, replaced ones included
    honesty: float  # answers to honesty's prompts
    honesty_reward: float  # of those, as are …
    attempted: float  # … those that aren't "I don't know"
    right: float  # right answers to the other prompts


class LoggedFigures(TypedDict):
    """Means that every row of the metrics has."""

    reward: float
    length: float  # tokens of an answer
    entropy: float  # nats a token
    worked_share: float
    truncated_share: float  # answers that didn't end by themselves
    flat_group_share: float  # of the groups that are learned from
    wasted_share: float  # answers that teach nothing: their group has no variance
    right_share: NotRequired[float]  # of the other tasks, where honesty is asked as well
    honesty_reward: NotRequired[float]
    answer_rate: NotRequired[float]  # of honesty's prompts


class RolloutFigures(LoggedFigures):
    """All means over rollouts."""

    stopped_share: float
    pass_at_1: float  # share of right answers to the mixture's tasks; without any the reward
    pass_at_k: float  # share of groups with a right answer


def summarize(rows: Sequence[RolloutRow]) -> RolloutSums:
    """Sums over a step's rollouts and their groups; see `figures`.

    Args:
        rows: of whole groups.
    """
    groups: dict[tuple[int, int], list[RolloutRow]] = {}
    for row in rows:
        groups.setdefault((row["group"], row["draw"]), []).append(row)
    flat = [of for of in groups.values() if is_flat([row["reward"] for row in of])]
    honesty = [row for row in rows if row["task"] == KIND]
    return {
        "answers": float(len(rows)),
        "reward": sum(row["reward"] for row in rows),
        "tokens": float(sum(row["length"] for row in rows)),
        "nats": -sum(row["logprob"] for row in rows),
        "worked": float(sum(is_worked(row["completion"]) for row in rows)),
        "stopped": float(sum(row["stopped"] for row in rows)),
        "drawn": float(len(groups)),
        "solved": float(sum(any(map(_is_right, of)) for of in groups.values())),
        "groups": float(sum(not of[0]["replaced"] for of in groups.values())),
        "flat": float(sum(not of[0]["replaced"] for of in flat)),
        "wasted": float(sum(map(len, flat))),
        "honesty": float(len(honesty)),
        "honesty_reward": sum(row["reward"] for row in honesty),
        "attempted": float(sum(row["answer_type"] != "idk" for row in honesty)),
        "right": float(sum(_is_right(row) for row in rows if row["task"] != KIND)),
    }


def is_flat(rewards: Sequence[float]) -> bool:
    """Whether a group's answers are all worth the same: none has an advantage."""
    return min(rewards) == max(rewards)


def figures(sums: RolloutSums) -> RolloutFigures:
    """Means from sums.

    `entropy` is the mean of -log p over sampled tokens: an unbiased estimate of the policy's
    entropy a token, for which no second pass is needed.

    Args:
        sums: of `summarize`, over at least one answer.
    """
    others = sums["answers"] - sums["honesty"]
    found: RolloutFigures = {
        "reward": sums["reward"] / sums["answers"],
        "length": sums["tokens"] / sums["answers"],
        "entropy": sums["nats"] / sums["tokens"],
        "worked_share": sums["worked"] / sums["answers"],
        "stopped_share": sums["stopped"] / sums["answers"],
        "truncated_share": 1 - sums["stopped"] / sums["answers"],
        "flat_group_share": sums["flat"] / sums["groups"],
        "wasted_share": sums["wasted"] / sums["answers"],
        "pass_at_1": sums["right"] / others if others else sums["reward"] / sums["answers"],
        "pass_at_k": sums["solved"] / sums["drawn"],
    }
    if sums["honesty"]:
        found["honesty_reward"] = sums["honesty_reward"] / sums["honesty"]
        found["answer_rate"] = sums["attempted"] / sums["honesty"]
        if others:
            found["right_share"] = sums["right"] / others
    return found


def logged(figures: Mapping[str, Any]) -> dict[str, float]:
    """Of a step's figures those that the metrics have; honesty's where there are any."""
    honesty = [name for name in HONESTY_LOGGED if figures.get(name) is not None]
    return {name: figures[name] for name in (*LOGGED, *honesty)}


def _is_right(row: RolloutRow) -> bool:
    return row["answer_type"] == "correct"
