"""One line a score, one column a model; every cell in its unit with interval and n."""

import pytest

from pipeline.report.scores import (
    answer_rates,
    calibration,
    cell,
    facts_by_relation,
    risk_coverage,
    stage_table,
    sums_by_lengths,
)


def row(model="base", metric="accuracy", value=0.5, low=0.25, high=0.75, **more):
    found = {"suite": "s", "task": "t", "metric": metric, "n": 8, "model": model}
    return {**found, "value": value, "low": low, "high": high, **more}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (row(), "50.0% [25.0%, 75.0%] n=8"),
        (row(metric="centred_accuracy", value=-0.125), "-12.5% [25.0%, 75.0%] n=8"),
        (row(metric="bits_per_byte", value=1.0), "1.000 [0.250, 0.750] n=8"),
        (row(metric="megabytes", value=1234.5, low=None, high=None), "1,234.50 MB n=8"),
        (row(metric="penalised_0.9", value=-9.0), "-9.00 [+0.25, +0.75] n=8"),
        (row(metric="kl_nats", value=1.5), "1.500 nats [0.250 nats, 0.750 nats] n=8"),
        (row(metric="horizon_50", value=14.0, low=2.0, high=15.5), "14 [2, 15.5] n=8"),
        (row(value=None, low=None, high=None, n=0), "–"),
    ],
)
def test_cells(given, shown):
    assert cell(given) == shown


def test_stages_come_first_and_other_models_after_them():
    rows = [row("my-model"), row("rl"), row("interrogated"), row("base"), row("base", task="u")]
    head, body = stage_table(rows)
    assert head == ["suite", "task", "metric", "base", "interrogated", "rl", "my-model"]
    assert [line[1] for line in body] == ["t", "u"]
    assert body[1][3:] == ["50.0% [25.0%, 75.0%] n=8", "–", "–", "–"]


def test_sums_by_lengths_make_a_picture_and_no_lines_of_the_table():
    grid = [
        row("rl", value=1.0, suite="arithmetic_by_length", task="4+2"),
        row("rl", value=0.5, suite="arithmetic_by_length", task="2+4"),
        row("base", value=0.0, suite="arithmetic_by_length", task="4+2"),
    ]
    assert sums_by_lengths([*grid, row()]) == {
        "base": {(4, 2): 0.0},
        "rl": {(4, 2): 1.0, (2, 4): 0.5},
    }
    assert list(sums_by_lengths(grid)) == ["base", "rl"]
    assert stage_table([*grid, row()]) == stage_table([row()])


def test_facts_by_relation_stand_beside_what_guessing_pays_and_in_no_line_of_the_table():
    suite = {"suite": "facts_by_relation", "task": "mouth"}
    known = [
        row("rl", metric="recall", value=1.0, **suite),
        row("rl", metric="guessing", **suite),
        row("base", metric="recall", value=0.25, low=0.0, high=0.5, **suite),
        row("base", metric="guessing", **suite),
        row("base", metric="recall", suite="facts_by_relation", task="fish"),
    ]
    head, body = facts_by_relation([*known, row()])
    assert head == ["relation", "guessing", "base", "rl"]
    assert body == [
        [
            "mouth",
            "50.0% [25.0%, 75.0%] n=8",
            "25.0% [0.0%, 50.0%] n=8",
            "100.0% [25.0%, 75.0%] n=8",
        ],
        ["fish", "–", "50.0% [25.0%, 75.0%] n=8", "–"],
    ]
    assert stage_table([*known, row()]) == stage_table([row()])
    assert facts_by_relation([row()])[1] == []


def test_answer_rates_by_target_are_curves_and_no_lines_of_the_table():
    def asked(model, task, value, metric="attempted"):
        return row(model, metric=metric, value=value, suite="targets_by_class", task=task)

    known = [
        asked("rl", "once/0.9", 0.1),
        asked("rl", "once/0", 1.0),
        asked("rl", "once/0.6_new_target", 0.5),
        asked("rl", "once/0.9_new_wordings", 0.9),  # another curve
        asked("rl", "once_trained_entities/0.9", 0.9),
        asked("rl", "once/0.9", -0.9, metric="penalised_0.9"),
        asked("rl", "often/0.5", 0.7),
        asked("sft", "never/0.5", 1.0),
    ]
    assert answer_rates([*known, row()]) == {
        "sft": {"never": [(0.5, 1.0)]},
        "rl": {"often": [(0.5, 0.7)], "once": [(0.0, 1.0), (0.6, 0.5), (0.9, 0.1)]},
    }
    assert list(answer_rates(known)) == ["sft", "rl"]
    assert stage_table([*known, row()]) == stage_table([row()])


def test_risk_and_calibration_are_curves():
    rows = [
        row("rl", suite="risk_coverage", task="often/1.00", metric="risk", value=0.5),
        row("rl", suite="risk_coverage", task="often/0.50", metric="risk", value=0.25),
        row("rl", suite="calibration", task="never/1/0.875", value=0.75),
        row("rl", suite="calibration", task="never_trained_entities/1/0.875", value=0.75),
    ]
    assert risk_coverage(rows) == {"rl": {"often": [(0.5, 0.25), (1.0, 0.5)]}}
    assert calibration(rows) == {"rl": {"never": [(0.875, 0.75)]}}
