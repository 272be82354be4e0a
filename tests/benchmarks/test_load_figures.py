"""What is made of answers' moments, against numpy and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.load_figures import Answer, figures, percentile


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_percentiles_are_numpys(values: list[float], share: float) -> None:
    wanted = float(np.quantile(values, share))
    assert percentile(sorted(values), share) == pytest.approx(wanted, abs=1e-6)


def test_by_hand() -> None:
    answers = [
        Answer(
            asked=7,
            sent=1.0,
            texts=[1.1, 1.3, 1.7],
            ended=1.8,
            prompt_tokens=5,
            tokens=7,
            status=200,
        ),
        Answer(asked=7, sent=1.0, texts=[1.5], ended=1.6, prompt_tokens=5, tokens=6, status=200),
        Answer(sent=1.0, ended=1.1, status=429, error="status 429"),
    ]
    found = figures(answers, 2.0, 0.25)
    assert (found.requests, found.tokens, found.prompt_tokens, found.short) == (2, 13, 10, 1)
    assert (found.requests_per_second, found.tokens_per_second) == (1.0, 6.5)
    assert found.first.p50 == pytest.approx(0.3)
    assert found.a_token.p50 == found.a_token.p99 == pytest.approx(0.1)
    assert found.pause.p50 == pytest.approx(0.3)
    assert (found.good_requests, found.goodput) == (1, 0.5)
    assert found.errors == {"status 429": 1}


def test_nothing_is_no_error() -> None:
    found = figures([], 1.0, 0.0)
    assert (found.requests, found.tokens_per_second) == (0, 0.0)
    assert math.isnan(found.first.p99)
