"""The stage table: rows of `evals` turned into one line a score and one column a model.

Every cell carries its value, 95% interval and n, so that no number stands without its uncertainty.
"""

from collections.abc import Mapping, Sequence
from typing import Any

STAGES = ("base", "sft", "rl")


def stage_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and body: suite, task, metric, then a column for each model that was evaluated."""
    models = [m for m in STAGES if any(row["model"] == m for row in rows)]
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        key = (row["suite"], row["task"], row["metric"])
        lines.setdefault(key, {})[row["model"]] = cell(row)
    head = ["suite", "task", "metric", *models]
    body = [[*key, *(cells.get(m, "–") for m in models)] for key, cells in lines.items()]
    return head, body


def cell(row: Mapping[str, Any]) -> str:
    """`0.953 [0.931, 0.969] n=480`; shares as percentages, everything else with three digits."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return "–"
    interval = "" if low is None or high is None else f" [{_show(low, row)}, {_show(high, row)}]"
    return f"{_show(value, row)}{interval} n={row['n']}"


def _show(value: float, row: Mapping[str, Any]) -> str:
    return f"{value:.3f}" if row["metric"] == "bits_per_byte" else f"{100 * value:.1f}%"
