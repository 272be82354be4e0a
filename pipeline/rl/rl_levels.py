"""What RL's answers were like, by batch, kind and level: rows of rollouts in, rows of a table out.

A mean over all kinds hides which of them learns, which is too easy and which too hard; a length
hides whether answers grew or were cut. Answers to replaced tasks count as well.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from pipeline.rl.pass_at_k import pass_at_k, powers
from pipeline.rl.rollout_figures import RolloutRow, is_flat

# Of a rollout's, without its texts.
COLUMNS = [
    *("step", "task", "level", "group", "draw", "replaced"),
    *("reward", "answer_type", "length", "logprob", "stopped"),
]


class PassAtK(TypedDict):
    """One point of the curve."""

    k: int
    value: float


class LevelRow(TypedDict):
    """A row of storage.schemas.RL_LEVELS."""

    step: int
    task: str
    level: int
    groups: int
    answers: int
    reward: float
    pass_at_k: list[PassAtK]
    entropy: float  # nats a token
    length: float  # tokens of an answer
    stopped_length: float | None  # of one that ended by itself; None where none did
    stopped_share: float
    truncated_share: float
    flat_group_share: float
    wasted_answers: int
    replaced_groups: int


def of(rows: Iterable[RolloutRow], answers_per_prompt: int) -> list[LevelRow]:
    """A row a batch, kind and level, in this order.

    Args:
        rows: of whole groups.
        answers_per_prompt: of every group.
    """
    parts: dict[tuple[int, str, int], list[RolloutRow]] = {}
    for row in rows:
        parts.setdefault((row["step"], row["task"], row["level"]), []).append(row)
    return [_row(key, parts[key], answers_per_prompt) for key in sorted(parts)]


def _row(key: tuple[int, str, int], rows: Sequence[RolloutRow], n: int) -> LevelRow:
    groups: dict[tuple[int, int], list[RolloutRow]] = {}
    for row in rows:
        groups.setdefault((row["group"], row["draw"]), []).append(row)
    right = [sum(row["answer_type"] == "correct" for row in of) for of in groups.values()]
    flat = [is_flat([row["reward"] for row in of]) for of in groups.values()]
    stopped = [row["length"] for row in rows if row["stopped"]]
    tokens = sum(row["length"] for row in rows)
    return {
        "step": key[0],
        "task": key[1],
        "level": key[2],
        "groups": len(groups),
        "answers": len(rows),
        "reward": sum(row["reward"] for row in rows) / len(rows),
        "pass_at_k": [
            {"k": k, "value": sum(pass_at_k(n, c, k) for c in right) / len(groups)}
            for k in powers(n)
        ],
        "entropy": -sum(row["logprob"] for row in rows) / tokens,
        "length": tokens / len(rows),
        "stopped_length": sum(stopped) / len(stopped) if stopped else None,
        "stopped_share": len(stopped) / len(rows),
        "truncated_share": 1 - len(stopped) / len(rows),
        "flat_group_share": sum(flat) / len(groups),
        "wasted_answers": n * sum(flat),
        "replaced_groups": sum(of[0]["replaced"] for of in groups.values()),
    }
