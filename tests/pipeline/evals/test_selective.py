"""Scores of confidences: worked by hand, in every order of what is equal, and scikit-learn's."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evals import selective

rows = st.lists(
    st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]), st.booleans()), min_size=1, max_size=30
)


def test_the_curve_by_hand():
    # by confidence: right, wrong, right, wrong
    risks = selective.risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert risks.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    area = selective.aurc([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_the_best_and_the_worst_order():
    marks = [True] * 5 + [False] * 5
    sure = list(np.linspace(1, 0, 10))
    # Geifman, Uziel and El-Yaniv 2019: with risk r = 1/2 the optimum is near r + (1 - r) ln(1 - r)
    best = sum((k - 5) / k for k in range(6, 11)) / 10
    assert selective.aurc(sure, marks) == pytest.approx(best)
    worst = (5 + sum(5 / k for k in range(6, 11))) / 10
    assert selective.aurc(sure[::-1], marks) == pytest.approx(worst)
    assert selective.aurc([0.5] * 10, marks) == pytest.approx(0.5)  # no order: the risk itself


def test_what_is_equally_sure_counts_as_in_all_its_orders():
    confidences = [0.9, 0.5, 0.5, 0.5, 0.1]
    marks = [True, False, True, False, True]
    orders = [
        selective.aurc([0.9, 0.6, 0.5, 0.4, 0.1], [marks[0], *order, marks[4]])
        for order in itertools.permutations(marks[1:4])
    ]
    assert selective.aurc(confidences, marks) == pytest.approx(sum(orders) / len(orders))


@given(rows, st.randoms(use_true_random=False))
def test_no_score_depends_on_the_order_of_rows(found, rng):
    mixed = list(found)
    rng.shuffle(mixed)
    for score in (selective.aurc, selective.calibration_error, selective.average_precision):
        values = []
        for part in (found, mixed):
            confidences, marks = [c for c, _ in part], [m for _, m in part]
            if score is selective.average_precision and not any(marks):
                continue
            values.append(score(confidences, marks))
        assert values == pytest.approx(values[:1] * len(values))


@given(rows)
def test_bounds(found):
    confidences, marks = [c for c, _ in found], [m for _, m in found]
    risks = selective.risk_coverage(confidences, marks)
    assert all(-1e-12 <= risk <= 1 + 1e-12 for risk in risks)
    assert risks[-1] == pytest.approx(1 - sum(marks) / len(marks))
    assert 0 <= selective.aurc(confidences, marks) <= 1
    assert 0 <= selective.calibration_error(confidences, marks) <= 1


@given(rows)
def test_being_surer_of_a_right_answer_never_costs(found):
    confidences, marks = [c for c, _ in found], [m for _, m in found]
    if True in marks:
        better = list(confidences)
        better[marks.index(True)] = 1.0
        assert selective.aurc(better, marks) <= selective.aurc(confidences, marks) + 1e-12


# scikit-learn 1.9.1's average_precision_score; the first is the example of its documentation
@pytest.mark.parametrize(
    ("scores", "positive", "precision"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.8333333333333333),
        ([0.75, 0.75, 0.0, 0.5, 0.75, 0.75, 0.5, 0.75], [1, 0, 1, 1, 1, 1, 0, 0], 0.599285714286),
        ([0.25, 0.0, 0.5, 0.0, 0.75, 0.75, 0.75, 0.75], [0, 1, 1, 0, 1, 0, 1, 1], 0.735),
        ([0.0, 0.0, 0.0, 0.5, 0.25, 0.5, 0.5, 0.25], [0, 0, 1, 1, 1, 0, 0, 0], 0.369444444444),
        ([0.25, 0.25, 0.5, 0.75, 0.0, 0.0, 0.75, 0.5], [0, 1, 0, 0, 0, 1, 0, 1], 0.319444444444),
    ],
)
def test_average_precision_is_scikit_learns(scores, positive, precision):
    found = selective.average_precision(scores, [bool(mark) for mark in positive])
    assert found == pytest.approx(precision, abs=1e-12)


def test_without_a_positive_there_is_no_precision():
    with pytest.raises(ValueError, match="nothing is positive"):
        selective.average_precision([0.5, 0.4], [False, False])
    nothing = selective.estimate(selective.average_precision, [0.5, 0.4], [False, False])
    assert nothing.value is None
    with pytest.raises(ValueError, match="no answers"):
        selective.aurc([], [])
    with pytest.raises(ValueError, match="2 confidences and 1 marks"):
        selective.aurc([0.5, 0.4], [True])


def test_calibration_by_hand():
    confidences = [0.1, 0.2, 0.3, 0.4, 0.9, 1.0]
    marks = [False, False, False, True, True, True]
    bins = selective.calibration(confidences, marks, bins=3)
    assert [part.n for part in bins] == [2, 2, 2]
    assert [part.confidence for part in bins] == pytest.approx([0.15, 0.35, 0.95])
    assert [part.accuracy for part in bins] == [0, 0.5, 1]
    error = selective.calibration_error(confidences, marks, bins=3)
    assert error == pytest.approx((0.15 + 0.15 + 0.05) / 3)


def test_bins_have_equal_mass_and_no_fewer_answers_than_there_are():
    found = selective.calibration([0.5] * 7, [True] * 7, bins=3)
    assert [part.n for part in found] == [3, 2, 2]
    assert [part.n for part in selective.calibration([0.5, 0.6], [True, False], bins=10)] == [1, 1]
    assert selective.calibration([], []) == []


def test_who_says_how_often_it_is_right_has_no_error():
    confidences = [0.25] * 40 + [0.75] * 40
    marks = ([True] + [False] * 3) * 10 + ([True] * 3 + [False]) * 10
    assert selective.calibration_error(confidences, marks, bins=2) == pytest.approx(0)
    sure = selective.calibration_error([1.0] * 80, marks, bins=2)
    assert sure == pytest.approx(0.5)


def test_the_interval_holds_the_value_and_groups_widen_it():
    rng = np.random.default_rng(0)
    confidences = rng.random(100).tolist()
    marks = [bool(i // 25 % 2) for i in range(100)]
    alone = selective.estimate(selective.aurc, confidences, marks, samples=200)
    groups = [i // 25 for i in range(100)]
    together = selective.estimate(selective.aurc, confidences, marks, groups=groups, samples=200)
    assert alone.value == together.value
    widths = []
    for found in (alone, together):
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] > 1.5 * widths[0]
    assert alone == selective.estimate(selective.aurc, confidences, marks, samples=200)
    assert alone.n == 100
