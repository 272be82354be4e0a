"""Curves hold the first and the last point, few in between, and nothing that is no number."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.serve.pages.run_curves import MOST_POINTS, curves


@given(st.integers(2, 4 * MOST_POINTS))
def test_long_runs_are_thinned(count: int) -> None:
    steps = np.arange(1.0, count + 1)
    found = curves({"step": steps, "loss": 1 / steps}, "step")["loss"]
    assert (found.x[0], found.x[-1]) == (1, count)
    assert 2 <= len(found.x) == len(found.y) <= MOST_POINTS + 1
    gaps = set(np.diff(found.x).tolist()[:-1])
    assert len(gaps) <= 1  # every k-th
    assert np.allclose(found.y, [1 / x for x in found.x], rtol=1e-5)


def test_what_is_no_number_is_left_out() -> None:
    steps, nan = np.arange(4.0), np.nan
    columns = {
        "step": steps,
        "seconds": np.array([0.5, nan, 1.5, 2.0]),
        "loss": np.array([1.0, 2.0, nan, np.inf]),
        "reward": np.array([nan, nan, nan, 1.0]),
        "unknown": steps,
    }
    assert curves(columns, "step") == {"loss": ([0.0, 1.0], [1.0, 2.0])}  # one point is no curve
    assert curves(columns, "seconds") == {}
    assert curves({"loss": steps}, "tokens") == {}


def test_energy_is_in_watt_hours() -> None:
    found = curves({"step": np.arange(2.0), "energy_kwh": np.array([0.001, 0.0025])}, "step")
    assert found == {"energy_kwh": ([0.0, 1.0], [1.0, 2.5])}
