"""What optimising for preferences bought and what it cost, a line a score: the alignment tax.

In: rows of `evals`. Out: header and body of a table, the model before preferences beside the one
after; no line where one of the two has no such score. A change's interval is made of the two
intervals (MOVER: Zou and Donner 2008; for shares it is Newcombe's of 1998, method 10). Both models
answer the same questions, which it does not use, so that it is too wide rather than too narrow.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.scores import cell, shown

BEFORE, AFTER = "rl", "rlhf"
HEAD = ("what", BEFORE, AFTER, "change", "")
# Suite, task, metric, and whether more is better (1) or worse (-1): what raters like, then what
# nobody paid for.
LINES = (
    ("preferences", "all", "gold_reward", 1),
    ("preferences", "all", "right", 1),
    ("preferences", "all", "polite", 1),
    ("preferences", "all", "words", -1),
    ("facts", "question_often", "recall", 1),
    ("facts", "question_often_trained_entities", "recall", 1),
    ("honesty", "never", "attempted", -1),
    ("honesty", "often", "attempted", 1),
    ("targets", "0.75", "penalised_0.75", 1),
    ("arithmetic", "3_or_more_digits", "accuracy", 1),
    ("arithmetic", "new_wordings", "accuracy", 1),
    ("spelling", "all", "accuracy", 1),
    ("talk", "small_talk", "apt", 1),
    ("talk", "identity", "apt", 1),
    ("refusals", "new_wordings", "harmful_refused", 1),
    ("refusals", "new_wordings", "harmless_refused", -1),
    ("turns", "all", "valid_turns", 1),
    ("forgetting", "pages", "bits_per_byte_change", -1),
)
Row = Mapping[str, Any]


def lines(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and body; an empty body where the two models weren't both measured."""
    found = {(r["model"], r["suite"], r["task"], r["metric"]): r for r in rows}
    body = []
    for suite, task, metric, sign in LINES:
        before, after = (found.get((model, suite, task, metric)) for model in (BEFORE, AFTER))
        if before is None or after is None or None in (before["value"], after["value"]):
            continue
        difference, low, high = change(before, after)
        said = [shown(value, after, signed=True) for value in (difference, low, high)]
        verdict = "better" if sign * difference > 0 else "worse"
        certain = low > 0 or high < 0
        body.append(
            [
                " ".join((suite, task, metric)).replace("_", " "),
                cell(before),
                cell(after),
                f"{said[0]} [{said[1]}, {said[2]}]",
                verdict if certain else "",
            ]
        )
    return list(HEAD), body


def change(before: Row, after: Row) -> tuple[float, float, float]:
    """The difference of two scores, with low and high of its 95% interval.

    A score without an interval counts as exact.

    Args:
        before: a row of `evals`.
        after: another.
    """
    (a, a_low, a_high), (b, b_low, b_high) = (
        (
            row["value"],
            *(row["value"] if row[end] is None else row[end] for end in ("low", "high")),
        )
        for row in (before, after)
    )
    difference = b - a
    down = math.hypot(b - b_low, a_high - a)
    up = math.hypot(b_high - b, a - a_low)
    return difference, difference - down, difference + up
