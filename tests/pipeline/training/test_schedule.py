import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.schedule import lr_scale


def test_values_of_a_run_of_1000_steps():
    scale = [lr_scale(step, 1000, 40, 0.5, 0.05) for step in range(1000)]
    assert scale[0] == 1 / 40
    assert scale[39] == 1.0
    assert scale[40] == scale[499] == 1.0
    assert scale[749] == pytest.approx(0.05 + 0.95 * 0.5)
    assert scale[999] == pytest.approx(0.05)


@given(
    st.integers(1, 300),
    st.integers(0, 400),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_rises_then_falls_within_bounds(total, warmup, warmdown, final):
    scale = [lr_scale(step, total, warmup, warmdown, final) for step in range(total)]
    assert all(0.0 <= value <= 1.0 for value in scale)
    peak = scale.index(max(scale))
    assert scale[:peak] == sorted(scale[:peak])
    assert scale[peak:] == sorted(scale[peak:], reverse=True)


def test_a_step_outside_the_run_is_refused():
    with pytest.raises(ValueError, match="outside"):
        lr_scale(10, 10)
