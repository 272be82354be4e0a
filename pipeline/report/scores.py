"""The stage table: rows of `evals` turned into one line a score and one column a model.

Every cell carries its value, 95% interval and n, so that no number stands without its uncertainty.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.evals.config import (
    CALIBRATION_SUITE,
    DETAIL_SUITES,
    LENGTHS_SUITE,
    PLAIN_NUMBERS,
    RELATIONS_SUITE,
    REWARDS,
    RISK_SUITE,
    TARGET_CLASSES_SUITE,
)

STAGES = ("base", "sft", "interrogated", "rl", "rlhf")

CLASSES = ("often", "once", "never")  # of facts on entities that are held out
Curves = dict[str, dict[str, list[tuple[float, float]]]]  # points by model and class


def stage_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and body: suite, task, metric, then a column for each model that was evaluated.

    Without the sums by lengths, which `sums_by_lengths` has for a picture, and facts by relation.
    """
    rows = [row for row in rows if row["suite"] not in DETAIL_SUITES]
    there = list(dict.fromkeys(row["model"] for row in rows))
    models = _in_order(there)
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        key = (row["suite"], row["task"], row["metric"])
        lines.setdefault(key, {})[row["model"]] = cell(row)
    head = ["suite", "task", "metric", *models]
    body = [[*key, *(cells.get(m, "–") for m in models)] for key, cells in lines.items()]
    return head, body


def sums_by_lengths(
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, dict[tuple[int, int], float]]:
    """Share of right sums by the digits of the first and the second number, model by model."""
    found: dict[str, dict[tuple[int, int], float]] = {}
    for row in rows:
        if row["suite"] == LENGTHS_SUITE:
            first, second = row["task"].split("+")
            found.setdefault(row["model"], {})[int(first), int(second)] = row["value"]
    return {model: found[model] for model in _in_order(list(found))}


def answer_rates(rows: Sequence[Mapping[str, Any]]) -> Curves:
    """The share of answers by stated confidence target, in RL's wordings."""
    found: list[tuple[str, str, float, float]] = []
    for row in rows:
        if row["suite"] == TARGET_CLASSES_SUITE and row["metric"] == "attempted":
            kind, task = row["task"].split("/")
            if not task.endswith("_new_wordings"):
                target = float(task.removesuffix("_new_target"))
                found.append((row["model"], kind, target, row["value"]))
    return _curves(found)


def risk_coverage(rows: Sequence[Mapping[str, Any]]) -> Curves:
    """The share of wrong answers by the share of answers that are taken, surest first."""
    of = [row for row in rows if row["suite"] == RISK_SUITE]
    parts = [(row, *row["task"].split("/")) for row in of]
    return _curves([(row["model"], kind, float(x), row["value"]) for row, kind, x in parts])


def calibration(rows: Sequence[Mapping[str, Any]]) -> Curves:
    """The share of right answers by the probability that the model gave them, in bins."""
    of = [row for row in rows if row["suite"] == CALIBRATION_SUITE]
    parts = [(row, *row["task"].split("/")) for row in of]
    return _curves([(row["model"], kind, float(x), row["value"]) for row, kind, _, x in parts])


def _curves(points: Sequence[tuple[str, str, float, float]]) -> Curves:
    """Points (model, class, x, y) as curves, models in the order in which they are made."""
    found: Curves = {}
    for model, kind, x, y in points:
        if kind in CLASSES:
            found.setdefault(model, {}).setdefault(kind, []).append((x, y))
    return {
        model: {kind: sorted(found[model][kind]) for kind in CLASSES if kind in found[model]}
        for model in _in_order(list(found))
    }


def facts_by_relation(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and body: a line a relation, what guessing its commonest value pays, then a column
    for each model. The lines are few questions each, so only their intervals say much.
    """
    rows = [row for row in rows if row["suite"] == RELATIONS_SUITE]
    models = _in_order(list(dict.fromkeys(row["model"] for row in rows)))
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        column = "guessing" if row["metric"] == "guessing" else row["model"]
        lines.setdefault(row["task"], {})[column] = cell(row)
    columns = ["guessing", *models]
    body = [[name, *(cells.get(c, "–") for c in columns)] for name, cells in lines.items()]
    return ["relation", *columns], body


def _in_order(models: Sequence[str]) -> list[str]:
    """The stages as they are made, then other models."""
    return [m for m in STAGES if m in models] + [m for m in models if m not in STAGES]


def cell(row: Mapping[str, Any]) -> str:
    """`95.3% [93.1%, 96.9%] n=480`; what is no share has its unit, or none with three digits."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return "–"
    interval = "" if low is None or high is None else f" [{shown(low, row)}, {shown(high, row)}]"
    return f"{shown(value, row)}{interval} n={row['n']}"


def shown(value: float, row: Mapping[str, Any], signed: bool = False) -> str:
    """A value in the unit of a row's metric.

    Args:
        value: to show.
        row: of `evals`.
        signed: with a plus, as a difference has.
    """
    sign = "+" if signed else ""
    if row["metric"] == "megabytes":
        return f"{value:{sign},.2f} MB"
    if row["metric"].startswith("penalised") or row["metric"] in REWARDS:
        return f"{value:+.2f}"  # points a question: of an error's up to nine
    if row["metric"] == "kl_nats":
        return f"{value:{sign}.3f} nats"
    if row["metric"] in PLAIN_NUMBERS:
        return f"{value:{sign},.1f}".removesuffix(".0")
    if row["metric"] == "bits_per_byte":
        return f"{value:{sign}.3f}"
    return f"{100 * value:{sign}.1f}%"
