"""Which pages the filters drop, decided on whole columns of stored signals at once.

In: columns of signals (numpy arrays, one row a page) and filters in their order. Out: for each page
the first rule that drops it, with the value and the threshold. A page exactly at a threshold
passes, and so does one whose signal is missing (NaN): no rule drops a page that was not measured.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Columns = Mapping[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A bound on one signal."""

    name: str  # in the ledger: the config's field, or a short name if it has none
    signal: str  # a column of storage.schemas.SIGNALS
    side: Literal["below", "above"]  # which side of the threshold is dropped
    threshold: str | float  # a field of the filter's config, or the number itself


@dataclasses.dataclass(frozen=True)
class Filter:
    """A stage of the ledger: its rules, in order, and the config with their thresholds."""

    stage: str
    rules: tuple[Rule, ...]
    config: object | None  # a frozen dataclass; None turns the filter off


@dataclasses.dataclass(frozen=True)
class Decisions:
    """The decision on each page, by the columns of pipeline.decision; all arrays are [pages]."""

    kept: npt.NDArray[np.bool_]  # the outcome: else dropped
    stage: npt.NDArray[np.object_]  # "" if kept
    rule: npt.NDArray[np.object_]  # "" if kept
    value: npt.NDArray[np.float64]  # of the rule's signal; NaN if kept
    threshold: npt.NDArray[np.float64]  # NaN if kept

    def put(self, rows: npt.NDArray[np.int64], others: "Decisions") -> None:
        """Take over the decisions on these rows."""
        for name in (field.name for field in dataclasses.fields(self)):
            getattr(self, name)[rows] = getattr(others, name)


def keep_all(rows: int) -> Decisions:
    """Decisions that drop none of so many pages."""
    return Decisions(
        kept=np.ones(rows, dtype=np.bool_),
        stage=np.full(rows, "", dtype=np.object_),
        rule=np.full(rows, "", dtype=np.object_),
        value=np.full(rows, np.nan),
        threshold=np.full(rows, np.nan),
    )


def decide(columns: Columns, filters: Sequence[Filter]) -> Decisions:
    """Find the first rule of the first filter that drops each page.

    Args:
        columns: of signals, at least one.
        filters: in their order.
    """
    decided = keep_all(len(next(iter(columns.values()))))
    for filter_, rule in _rules(filters):
        value = columns[rule.signal]
        threshold = threshold_of(rule, filter_.config)
        beyond = value < threshold if rule.side == "below" else value > threshold
        drops = beyond & decided.kept
        decided.kept[drops] = False
        decided.stage[drops] = filter_.stage
        decided.rule[drops] = rule.name
        decided.value[drops] = value[drops]
        decided.threshold[drops] = threshold
    return decided


def threshold_of(rule: Rule, config: object) -> float:
    """The number that a rule compares its signal with."""
    if isinstance(rule.threshold, str):
        return float(getattr(config, rule.threshold))
    return rule.threshold


def columns_of(table: pa.Table, filters: Sequence[Filter]) -> dict[str, npt.NDArray[np.float64]]:
    """The columns that the filters use, as float64; a null becomes NaN."""
    names = dict.fromkeys(rule.signal for _, rule in _rules(filters))
    return {name: table[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names}


def _rules(filters: Sequence[Filter]) -> list[tuple[Filter, Rule]]:
    return [
        (filter_, rule)
        for filter_ in filters
        if filter_.config is not None
        for rule in filter_.rules
    ]
