"""What reinforcement learning practised: a line a kind and level, at its beginning and at its end.

In: rows of storage.schemas.RL_LEVELS. Out: header and body of a table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = (
    *("kind", "level", "prompts", "reward", "pass@1", "pass@{}", "entropy", "length"),
    *("length of what ended", "ended", "flat groups"),
)
Rows = Sequence[Mapping[str, Any]]


def lines(rows: Rows) -> tuple[list[str], list[list[str]]]:
    """Means over the first and over the last third of the batches that asked a level.

    Args:
        rows: at least one.
    """
    parts: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["step"]):
        parts.setdefault((row["task"], row["level"]), []).append(row)
    most = rows[0]["pass_at_k"][-1]["k"]
    return [name.format(most) for name in HEAD], [_line(*key, parts[key]) for key in sorted(parts)]


def _line(kind: str, level: int, rows: Rows) -> list[str]:
    third = max(1, len(rows) // 3)
    ends = (rows[:third], rows[-third:])

    def change(form: str, value: Any) -> str:
        found = [_mean(part, value) for part in ends]
        return " → ".join("–" if mean is None else format(mean, form) for mean in found)

    return [
        kind,
        str(level or ""),
        f"{sum(row['groups'] for row in rows):,}",
        change("+.2f", lambda row: row["reward"]),
        change(".0%", lambda row: row["pass_at_k"][0]["value"]),
        change(".0%", lambda row: row["pass_at_k"][-1]["value"]),
        change(".3f", lambda row: row["entropy"]),
        change(".0f", lambda row: row["length"]),
        change(".0f", lambda row: row["stopped_length"]),
        change(".0%", lambda row: row["stopped_share"]),
        change(".0%", lambda row: row["flat_group_share"]),
    ]


def _mean(rows: Rows, value: Any) -> float | None:
    """By groups; None where no row has one."""
    found = [(value(row), row["groups"]) for row in rows if value(row) is not None]
    groups = sum(count for _, count in found)
    return sum(each * count for each, count in found) / groups if groups else None
