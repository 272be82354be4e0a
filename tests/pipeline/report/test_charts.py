"""Pictures: the same numbers give the same PNG, however many points there are."""

import base64
import struct

import pytest

from pipeline.report import charts


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_same_numbers_give_the_same_bytes() -> None:
    points = [(float(step), 1 / (step + 1)) for step in range(50)]
    assert charts.line("loss", points) == charts.line("loss", points)
    assert charts.line("loss", points) != charts.line("loss", points[:-1])
    assert b"matplotlib" not in charts.line("loss", points).lower()


def test_a_long_curve_is_no_larger_than_a_short_one() -> None:
    short = charts.line("loss", [(float(s), s % 7.0) for s in range(1_000)])
    long = charts.line("loss", [(float(s), s % 7.0) for s in range(100_000)])
    assert size(long) == size(short)
    assert len(long) < 3 * len(short)


def test_thinning_keeps_the_ends() -> None:
    points = [(float(s), float(s)) for s in range(10_001)]
    thinned = charts._thin(points)
    assert len(thinned) <= charts.MAX_POINTS + 1
    assert (thinned[0], thinned[-1]) == (points[0], points[-1])


def test_several_curves_and_none() -> None:
    both = charts.line("rewards", {"a": [(0, 0.0), (1, 1.0)], "b": [(0, 1.0), (1, 0.0)]})
    assert size(both) == size(charts.line("empty", []))


@pytest.mark.parametrize("steps", [[], [("records", 0)], [("records", 10), ("after url", 4)]])
def test_a_funnel_of_any_size(steps: list[tuple[str, int]]) -> None:
    assert size(charts.funnel_bars(steps))[0] > 400


def test_a_data_uri_holds_the_picture() -> None:
    png = charts.line("loss", [(0, 1.0), (1, 0.5)])
    head, data = charts.data_uri(png).split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == png


def positions(worst: float) -> list[dict]:
    return [
        {"reader": r, "first": f, "last": f + 9, "bits_per_byte": v, "low": v - 0.1, "high": v + 9}
        for r, values in (("a", (1.0, 1.1)), ("b", (1.0, worst)), ("c", (1.0, 0.9)))
        for f, v in zip((0, 10), values)
    ]


def test_a_reader_that_breaks_leaves_the_others_their_room() -> None:
    pictures = [charts.positions(positions(worst), 10) for worst in (50.0, 60.0)]
    assert pictures[0] == charts.positions(positions(50.0), 10)
    assert pictures[0] != charts.positions(positions(1.2), 10)
    assert size(charts.positions([], 10)) == size(pictures[1])


def test_sums_have_a_square_for_each_model_and_a_gap_where_nothing_was_asked() -> None:
    grid = {(a, b): a / 3 for a in (1, 2, 3) for b in (1, 2, 3)}
    one, two = charts.sums({"rl": grid}), charts.sums({"base": grid, "rl": grid})
    assert size(one)[0] < size(two)[0]
    less = {pair: share for pair, share in grid.items() if pair != (1, 3)}
    assert charts.sums({"rl": less}) not in (one, charts.sums({"rl": {**grid, (1, 3): 0.0}}))
    # the first number is the row: a model that fails on long second numbers looks another way
    turned = {(b, a): share for (a, b), share in grid.items()}
    assert charts.sums({"rl": turned}) != one
