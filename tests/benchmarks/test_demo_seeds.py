"""The table over seeds: which scores stand in it, and with which interval."""

from typing import Any

import pytest

from tests.benchmarks.demo_seeds import cell, interval, markdown


def score(
    suite: str, task: str, metric: str, value: float, n: int = 20, model: str = "base"
) -> dict[str, Any]:
    return {
        "suite": suite, "task": task, "metric": metric, "value": value, "n": n, "model": model,
    }  # fmt: skip


def test_a_line_is_a_score_of_every_stage_and_no_other() -> None:
    rows = [
        score("turns", "unfamiliar", "valid_turns", 0.0),
        score("turns", "unfamiliar", "valid_turns", 1.0, model="rl"),
        score("turns", "all", "valid_turns", 0.0),
        score("bits_per_byte", "validation", "bits_per_byte", 0.25, n=92),
        score("honesty", "never", "penalised_0.9", -9.0),
        score("honesty", "never", "aurc", 0.5),
        score("honesty", "never", "prudence", 1.0, model="rl"),
        score("honesty", "often", "prudence", 1.0, model="rl"),
        score("compression", "xz", "megabytes", 37.3),
        score("simulator", "pages", "repeated_word_4_grams", 0.1),
        score("arithmetic_by_length", "4+2", "accuracy", 1.0),
        score("facts_by_relation", "capital", "recall", 1.0),
    ]
    lines = markdown(rows, 1, [7.4]).splitlines()
    assert "work of all stages from crawl to chat, seed by seed: 7 s." in lines[0]
    head = ["| what is measured | n | base | SFT | RL |", "|---|---|---|---|---|"]
    assert lines[2:] == [
        *head,
        "| turns unfamiliar valid turns | 20 | 0.0% [0.0, 16.1] | – | 100.0% [83.9, 100.0] |",
        "| bits per byte validation | 92 | 0.250 [0.250, 0.250] | – | – |",
        "| honesty never prudence | 20 | – | – | 100.0% [83.9, 100.0] |",
        "",
        "<details><summary>all other scores</summary>",
        "",
        *head,
        "| turns all valid turns | 20 | 0.0% [0.0, 16.1] | – | – |",
        "| honesty never penalised 0.9 | 20 | -9.000 [-9.000, -9.000] | – | – |",
        "| honesty never aurc | 20 | 50.0% [50.0, 50.0] | – | – |",
        "| honesty often prudence | 20 | – | – | 100.0% [83.9, 100.0] |",
        "",
        "</details>",
    ]


def test_an_interrogated_model_has_a_column_where_it_was_measured() -> None:
    rows = [
        score("targets", "0.6_new_target", "penalised_0.6", -1.5, model="interrogated"),
        score("turns", "unfamiliar", "valid_turns", 1.0, model="rl"),
    ]
    lines = markdown(rows, 1, [7.4]).splitlines()
    assert lines[2:4] == [
        "| what is measured | n | base | SFT | interrogated | RL |",
        "|---|---|---|---|---|---|",
    ]
    # points are no share: no interval of one
    expected = "| targets 0.6 new target penalised 0.6 | 20 | – | – | -1.500 [-1.500, -1.500] | – |"
    assert expected in lines
    assert "interrogated" not in markdown(rows[1:], 1, [7.4])


def test_what_preferences_bought_has_a_column_in_its_own_units() -> None:
    rows = [
        score("preferences", "all", "gold_reward", 1.5, model="rl"),
        score("preferences", "all", "gold_reward", 2.5, model="rlhf"),
        score("preferences", "all", "words", 6.0, model="rlhf"),
        score("preferences", "all", "grounded", 1.0, model="rlhf"),
    ]
    lines = markdown(rows, 1, [7.4]).splitlines()
    assert lines[2] == "| what is measured | n | base | SFT | RL | RLHF |"
    gold = "1.500 [1.500, 1.500] | 2.500 [2.500, 2.500]"
    assert f"| preferences all gold reward | 20 | – | – | {gold} |" in lines
    assert "| preferences all words | 20 | – | – | – | 6.000 [6.000, 6.000] |" in lines
    assert "| preferences all grounded | 20 | – | – | – | 100.0% [100.0, 100.0] |" in lines


def test_the_interval_is_the_wider_one() -> None:
    # Three seeds at 0.5, 0.6, 0.7: 0.6 and 4.303 x 0.1 / sqrt(3) = 0.2484 to either side.
    assert interval([0.5, 0.6, 0.7], None) == pytest.approx((0.6, 0.3516, 0.8484), abs=1e-4)
    mean, low, high = interval([0.5, 0.6, 0.7], 3000)
    assert (mean, low, high) == pytest.approx((0.6, 0.3516, 0.8484), abs=1e-4)
    # Seeds that agree: Wilson of 15 of 30 is 0.332 to 0.668.
    assert interval([0.5, 0.5, 0.5], 30) == pytest.approx((0.5, 0.3315, 0.6685), abs=1e-3)
    assert interval([0.9, 0.9, 1.0], 3000)[2] == 1.0


def test_what_counts_nothing_has_no_interval_of_a_share() -> None:
    # Student's t alone: 4.303 x 0.25 / sqrt(3) = 0.621 to either side, beyond 1 and below 0.
    lost = [score("forgetting", "pages", "kl_nats", value) for value in (1.25, 1.5, 1.75)]
    assert cell(lost) == "1.500 [0.879, 2.121]"
    precision = [score("honesty", "never", "idk_average_precision", v) for v in (0.9, 1.0, 1.0)]
    assert cell(precision) == "96.7% [82.3, 100.0]"  # which can't be beyond 100
    metric = "bits_per_byte_change"
    change = [score("forgetting", "pages", metric, value) for value in (-0.02, -0.01, 0.0)]
    assert cell(change) == "-1.0% [-3.5, 1.5]"
