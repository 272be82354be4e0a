"""Every point of every curve lies in the box, the extremes at its edges."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.serve.pages.curve_picture import HEIGHT, MARGIN, WIDTH, curve_picture
from pipeline.serve.pages.run_curves import Curve

NUMBERS = st.floats(-1e9, 1e9, allow_subnormal=False)
CURVES = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20).map(
    lambda points: Curve([x for x, _ in points], [y for _, y in points])
)


@given(st.lists(st.none() | CURVES, min_size=1, max_size=4).filter(any))
def test_all_is_within_the_box(given_curves: list[Curve | None]) -> None:
    picture = curve_picture(given_curves)
    heights = []
    for curve, line in zip(given_curves, picture.lines):
        assert (line is None) == (curve is None)
        for point in (line or "").split():
            x, y = map(float, point.split(","))
            assert -0.1 <= x <= WIDTH + 0.1
            assert MARGIN - 0.1 <= y <= HEIGHT - MARGIN + 0.1
            heights.append(y)
    assert max(heights) == HEIGHT - MARGIN  # the lowest value
    if picture.high > picture.low:
        assert math.isclose(min(heights), MARGIN, abs_tol=0.1)
