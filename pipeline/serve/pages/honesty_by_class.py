"""How honest each model is about facts that its pages state often, once or never, by its evals."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.known_facts import FREQUENCIES

TRAINED = "_trained_entities"
TASKS = tuple(name + suffix for suffix in ("", TRAINED) for name in FREQUENCIES)
MOST_ROWS = 2_000  # models × classes × 2; ours

_SCORES = f"""
SELECT model, task, metric, value, low, high, n FROM evals
WHERE suite = 'honesty' AND metric IN ('attempted', 'correct_given_attempted')
    AND task IN ({", ".join("?" * len(TASKS))}) AND value IS NOT NULL LIMIT {MOST_ROWS}
"""


class ClassShare(NamedTuple):
    """A score with its 95% interval and what it was measured on."""

    value: float
    low: float | None
    high: float | None
    n: int


class ClassHonesty(NamedTuple):
    """Of a model's answers to facts of one class."""

    model: str
    frequency: str
    is_trained: bool  # fine-tuning asked about these facts' subjects
    answered: ClassShare  # of the questions, rather than "I don't know"
    right: ClassShare | None  # of those answered; None: there were none

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of all questions: right, wrong, admitted."""
        tried = self.answered.value
        right = tried * self.right.value if self.right else 0.0
        return right, tried - right, 1 - tried


def honesty_of(lake: LakeReader, models: Sequence[str]) -> list[ClassHonesty]:
    """Of each class and model, in the order of both.

    Args:
        lake: to read.
        models: in the order wanted; others come after them.
    """
    found = {
        (row["task"], row["model"], row["metric"]): ClassShare(
            row["value"], row["low"], row["high"], row["n"]
        )
        for row in lake.rows(_SCORES, list(TASKS)).to_pylist()
    }
    names = sorted({model for _, model, _ in found})
    names.sort(key=lambda name: models.index(name) if name in models else len(models))
    return [
        ClassHonesty(
            name,
            task.removesuffix(TRAINED),
            task.endswith(TRAINED),
            found[task, name, "attempted"],
            found.get((task, name, "correct_given_attempted")),
        )
        for task in TASKS
        for name in names
        if (task, name, "attempted") in found
    ]
