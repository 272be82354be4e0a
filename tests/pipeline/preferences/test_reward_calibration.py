"""Accuracy and calibration of scores against what is known of made-up ones."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.intervals import wilson
from pipeline.preferences.reward_calibration import (
    BINS,
    agreement_figures,
    pair_figures,
    reliability,
)


def calibrated(count: int, scale: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Winners' and losers' scores of raters who choose by sigmoid(true distance); the scores are
    that, times a scale."""
    rng = np.random.default_rng(seed)
    distance = rng.normal(0, 2, count)
    won = rng.random(count) < 1 / (1 + np.exp(-distance))
    signed = np.where(won, distance, -distance) * scale
    return signed, np.zeros(count)


def figures(chosen, rejected, prompts=None):
    names = prompts or [str(n) for n in range(len(chosen))]
    return pair_figures(chosen, rejected, names, draws=200, seed=0)


def test_accuracy_log_loss_and_brier_of_a_few_pairs_by_hand():
    chosen, rejected = np.array([2.0, 0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0, 0.0])
    found = figures(chosen, rejected, ["x", "x", "y", "z"])
    assert (found["pairs"], found["prompts"]) == (4, 3)
    assert found["accuracy"] == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    distances = (2.0, -1.0, 0.0, 0.5)
    assert found["log_loss"] == pytest.approx(
        sum(math.log(1 + math.exp(-d)) for d in distances) / 4
    )
    assert found["brier"] == pytest.approx(sum((1 + math.exp(d)) ** -2 for d in distances) / 4)


def test_true_probabilities_are_calibrated_and_overconfident_ones_are_not():
    true, sure = figures(*calibrated(4000)), figures(*calibrated(4000, scale=4.0))
    assert true["ece"] < 0.03
    assert sure["ece"] > 0.1
    assert sure["ece_low"] > true["ece_high"]
    assert sure["accuracy"] == true["accuracy"]
    assert true["log_loss"] < sure["log_loss"]
    for name in ("accuracy", "log_loss", "brier"):
        assert true[f"{name}_low"] < true[name] < true[f"{name}_high"]


def test_which_answer_stood_first_says_nothing():
    chosen, rejected = calibrated(300)
    shifted = figures(chosen + 17.0, rejected + 17.0)
    for name, value in figures(chosen, rejected).items():
        assert shifted[name] == pytest.approx(value)


def test_pairs_of_few_prompts_give_wider_intervals():
    chosen, rejected = calibrated(400)
    order = np.argsort(chosen - rejected)  # prompts that are alike within, unlike among
    few = [str(n // 40) for n in range(400)]
    alone = figures(chosen[order], rejected[order])
    shared = figures(chosen[order], rejected[order], few)
    assert shared["accuracy"] == alone["accuracy"]
    widths = [f["accuracy_high"] - f["accuracy_low"] for f in (shared, alone)]
    assert widths[0] > 3 * widths[1]


def test_all_right_is_no_certainty():
    found = figures(np.ones(30), np.zeros(30))
    assert (found["accuracy_low"], found["accuracy_high"]) == (wilson(30, 30)[0], 1.0)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=60),
)
def test_bins_hold_each_pair_once_and_their_gaps_are_the_calibration_error(scores):
    chosen, rejected = (np.array(part) for part in zip(*scores))
    rows = reliability(chosen, rejected)
    assert len(rows) == BINS
    assert sum(row["pairs"] for row in rows) == len(scores)
    gap = 0.0
    for row in rows:
        if row["pairs"]:
            assert row["confidence"] is not None
            assert row["accuracy"] is not None
            assert row["low"] - 1e-12 <= row["confidence"] <= row["high"] + 1e-12
            assert row["accuracy_low"] <= row["accuracy_high"]
            gap += row["pairs"] * abs(row["confidence"] - row["accuracy"])
        else:
            assert row["confidence"] is None
            assert row["accuracy"] is None
    found = pair_figures(chosen, rejected, ["one"] * len(scores), draws=1, seed=0)
    assert found["ece"] == pytest.approx(gap / len(scores), abs=1e-9)


def test_members_agree_with_themselves_and_not_with_their_opposite():
    chosen, rejected = calibrated(200)
    same = agreement_figures(np.stack([chosen, chosen * 2]), np.stack([rejected, rejected * 2]))
    assert same["members"] == 2
    assert same["all_agree"] == 1.0
    assert same["distance_correlation"] == pytest.approx(1.0)
    odd = agreement_figures(
        np.stack([chosen, chosen, -chosen]), np.stack([rejected, rejected, -rejected])
    )
    assert odd["all_agree"] == 0.0
    assert odd["distance_correlation"] == pytest.approx((1 - 1 - 1) / 3)
    flat = agreement_figures(np.zeros((2, 5)), np.zeros((2, 5)))
    assert flat["score_correlation"] is None


def test_a_score_of_the_prompt_alone_correlates_members_that_judge_nothing_alike():
    rng = np.random.default_rng(0)
    prompt = rng.normal(0, 10, 500)
    chosen = prompt + rng.normal(0, 0.1, (2, 500))
    rejected = prompt + rng.normal(0, 0.1, (2, 500))
    found = agreement_figures(chosen, rejected)
    assert found["score_correlation"] is not None
    assert found["distance_correlation"] is not None
    assert found["score_correlation"] > 0.99
    assert abs(found["distance_correlation"]) < 0.2
    assert 0.4 < found["all_agree"] < 0.6
