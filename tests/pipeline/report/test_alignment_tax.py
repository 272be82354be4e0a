"""What preferences bought and cost: every line names a score that suites give."""

from typing import Any

import pyarrow as pa
import pytest
from report_tables import sample_tables

from pipeline.evals.config import SUITES
from pipeline.intervals import wilson
from pipeline.report import html_report
from pipeline.report.alignment_tax import LINES, change, lines
from storage.schemas import EVALS


def row(model: str, line: tuple[str, str, str, int], value: float | None, **more: Any) -> Any:
    suite, task, metric, _ = line
    found = {"model": model, "stage": model, "suite": suite, "task": task, "metric": metric}
    ends = {} if value is None else {"low": value - 0.1, "high": value + 0.1}
    return {**found, "value": value, "n": 100, "seed": 0, **ends, **more}


def share(successes: int, n: int) -> Any:
    low, high = wilson(successes, n)
    return {"value": successes / n, "low": low, "high": high}


def test_the_interval_of_a_change_is_newcombes() -> None:
    """His example of 1998, (a): 56 of 70 and 48 of 80, whose difference has [0.0524, 0.3339]."""
    difference, low, high = change(share(48, 80), share(56, 70))
    assert difference == pytest.approx(0.2)
    assert (low, high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    exact = {"value": 1.0, "low": None, "high": None}
    assert change(exact, {**exact, "value": 3.5}) == (2.5, 2.5, 2.5)


def test_a_change_is_better_or_worse_by_what_the_score_means() -> None:
    by_name = {line[:3]: line for line in LINES}
    gold = by_name["preferences", "all", "gold_reward"]
    words = by_name["preferences", "all", "words"]
    facts = by_name["facts", "question_often", "recall"]
    rows = [
        row("rl", gold, 1.0),
        row("rlhf", gold, 2.0),
        row("rl", words, 9.0),
        row("rlhf", words, 6.0),
        row("rl", facts, 0.5),
        row("rlhf", facts, 0.45),
    ]
    head, body = lines(rows)
    assert head[:3] == ["what", "rl", "rlhf"]
    assert [(line[0], line[3], line[4]) for line in body] == [
        ("preferences all gold reward", "+1.00 [+0.86, +1.14]", "better"),
        ("preferences all words", "-3 [-3.1, -2.9]", "better"),
        ("facts question often recall", "-5.0% [-19.1%, +9.1%]", ""),
    ]
    worse = [row("rl", words, 6.0), row("rlhf", words, 9.0)]
    assert lines(worse)[1][0][3:] == ["+3 [+2.9, +3.1]", "worse"]


def test_without_both_models_there_is_no_line() -> None:
    assert lines([row("rl", LINES[0], 1.0), row("sft", LINES[0], 1.0)])[1] == []
    unmeasured = [row("rl", LINES[0], 1.0), row("rlhf", LINES[0], None, low=None, high=None)]
    assert lines(unmeasured)[1] == []
    assert len({line[:3] for line in LINES}) == len(LINES)
    assert {suite for suite, *_ in LINES} <= set(SUITES)


def test_it_stands_in_the_report() -> None:
    tables = sample_tables()
    said = "What optimising for preferences bought"
    assert said not in html_report.render("Run", tables, {})
    gold = [row("rl", LINES[0], 1.0), row("rlhf", LINES[0], 2.0)]
    more = pa.Table.from_pylist(gold, schema=EVALS)
    page = html_report.render("Run", {**tables, "evals": pa.concat_tables([more])}, {})
    assert said in page
    assert "+1.00 [+0.86, +1.14]" in page
