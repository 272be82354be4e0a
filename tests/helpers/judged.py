"""One page's signals before the filters' rules, for tests that ask why a page was dropped."""

from typing import NamedTuple

import numpy as np

from pipeline.filters.decide import Filter, Rule, decide
from pipeline.filters.measure import SignalsConfig, measure

ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with")


class Dropped(NamedTuple):
    rule: str
    value: float
    threshold: float


def judge(
    signals: dict[str, float | int], rules: tuple[Rule, ...], config: object
) -> Dropped | None:
    """The first rule that drops a page with these signals."""
    columns = {name: np.array([value], dtype=np.float64) for name, value in signals.items()}
    decided = decide(columns, [Filter("stage", rules, config)])
    if decided.kept[0]:
        return None
    return Dropped(decided.rule[0], float(decided.value[0]), float(decided.threshold[0]))


def measured(text: str, config: SignalsConfig | None = None) -> dict[str, float | int]:
    """The signals of an English page."""
    return measure(text, "en", config or SignalsConfig(), ENGLISH).signals
