"""Pictures of curves by model and class: a panel each, the same bytes for the same numbers."""

import struct

from pipeline.report import honesty_charts

ONE = {"rl": {"often": [(0.0, 1.0), (0.9, 0.5)], "never": [(0.0, 1.0), (0.9, 0.1)]}}
TWO = {"sft": {"often": [(0.0, 1.0), (0.9, 1.0)]}, **ONE}


def width(png: bytes) -> int:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found: int = struct.unpack(">I", png[16:20])[0]
    return found


def test_each_model_has_a_panel() -> None:
    assert width(honesty_charts.answer_rates(TWO)) > 1.5 * width(honesty_charts.answer_rates(ONE))


def test_the_same_numbers_give_the_same_bytes_and_others_do_not() -> None:
    moved = {"rl": {**ONE["rl"], "never": [(0.0, 1.0), (0.9, 0.2)]}}
    draw = honesty_charts.calibration
    assert draw(ONE) == draw(ONE) != draw(moved)
    # its diagonal and its axes are its own
    assert (
        len({draw(ONE), honesty_charts.answer_rates(ONE), honesty_charts.risk_coverage(ONE)}) == 3
    )
