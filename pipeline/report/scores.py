"""The stage table: rows of `evals` turned into one line a score and one column a model.

Every cell carries its value, 95% interval and n, so that no number stands without its uncertainty.
"""

from collections.abc import Mapping, Sequence
from typing import Any

STAGES = ("base", "sft", "rl")


def stage_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and body: suite, task, metric, then a column for each model that was evaluated."""
    there = list(dict.fromkeys(row["model"] for row in rows))
    models = [m for m in STAGES if m in there] + [m for m in there if m not in STAGES]
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        key = (row["suite"], row["task"], row["metric"])
        lines.setdefault(key, {})[row["model"]] = cell(row)
    head = ["suite", "task", "metric", *models]
    body = [[*key, *(cells.get(m, "–") for m in models)] for key, cells in lines.items()]
    return head, body


def cell(row: Mapping[str, Any]) -> str:
    """`95.3% [93.1%, 96.9%] n=480`; what is no share has its unit, or none with three digits."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return "–"
    interval = "" if low is None or high is None else f" [{_show(low, row)}, {_show(high, row)}]"
    return f"{_show(value, row)}{interval} n={row['n']}"


def _show(value: float, row: Mapping[str, Any]) -> str:
    if row["metric"] == "megabytes":
        return f"{value:,.2f} MB"
    return f"{value:.3f}" if row["metric"] == "bits_per_byte" else f"{100 * value:.1f}%"
