"""Thresholds on columns: the first rule of the first filter that drops a page."""

import dataclasses
import math

import numpy as np
import pyarrow as pa

from pipeline.filters.decide import Filter, Rule, columns_of, decide


@dataclasses.dataclass(frozen=True)
class Config:
    """Two bounds."""

    min_size: float = 3
    max_share: float = 0.5


RULES = (
    Rule("empty", "size", "below", 1),
    Rule("min_size", "size", "below", "min_size"),
    Rule("max_share", "share", "above", "max_share"),
)
COLUMNS = {
    "size": np.array([5.0, 3.0, 2.0, 0.0, 5.0, 2.0]),
    "share": np.array([0.1, 0.5, 0.1, 0.9, 0.6, 0.9]),
}


def test_the_first_rule_decides_and_a_page_at_the_threshold_passes() -> None:
    decided = decide(COLUMNS, [Filter("sizes", RULES, Config())])
    assert decided.kept.tolist() == [True, True, False, False, False, False]
    assert decided.rule.tolist() == ["", "", "min_size", "empty", "max_share", "min_size"]
    assert decided.stage.tolist() == ["", "", *["sizes"] * 4]
    assert decided.value[2:].tolist() == [2, 0, 0.6, 2]
    assert decided.threshold[2:].tolist() == [3, 1, 0.5, 3]
    assert np.isnan(decided.value[:2]).all()
    assert np.isnan(decided.threshold[:2]).all()


def test_the_first_filter_decides_and_none_turns_one_off() -> None:
    shares = Filter("shares", RULES[2:], Config(max_share=0.3))
    sizes = Filter("sizes", RULES[:2], Config())
    assert decide(COLUMNS, [shares, sizes]).stage.tolist() == [
        *("", "shares", "sizes", "shares", "shares", "shares")
    ]
    off = dataclasses.replace(shares, config=None)
    assert decide(COLUMNS, [off, sizes]).stage.tolist() == [
        *("", "", "sizes", "sizes", "", "sizes")
    ]
    assert decide(COLUMNS, []).kept.all()


def test_columns_of_a_table_and_a_null_drops_nothing() -> None:
    table = pa.table(
        {"size": pa.array([2, None], pa.int64()), "share": [0.1, None], "more": [1, 2]}
    )
    filters = [Filter("sizes", RULES, Config())]
    columns = columns_of(table, filters)
    assert sorted(columns) == ["share", "size"]
    assert columns["size"].dtype == np.float64
    assert math.isnan(columns["size"][1])
    assert decide(columns, filters).kept.tolist() == [False, True]
