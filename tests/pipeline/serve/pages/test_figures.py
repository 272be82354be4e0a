"""Numbers as people read them."""

import pytest

from pipeline.serve.pages.figures import duration, energy, figure, probability, size


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0, "0"),
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (100000.0, "100,000"),
        (-2000.5, "-2,000"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
    ],
)
def test_a_figure(value: float | None, shown: str) -> None:
    assert figure(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (4_560_000, "4.56 MB"),
        (10**20, "1e+05 PB"),
    ],
)
def test_a_size(count: int, shown: str) -> None:
    assert size(count) == shown


def test_times_and_energy() -> None:
    assert [duration(s) for s in (None, 0.05, 59, 90, 7200, 200_000)] == [
        "",
        "0.05 s",
        "59 s",
        "1.5 min",
        "2 h",
        "2.31 days",
    ]
    assert [energy(k) for k in (None, 0, 2e-6, 0.0015, 3)] == [
        "",
        "0 mWh",
        "2 mWh",
        "1.5 Wh",
        "3 kWh",
    ]


def test_probabilities_are_never_certain() -> None:
    shown = [
        probability(p) for p in (None, 0.0, 0.00009, 0.0001, 0.5, 0.98765, 0.9994, 0.9995, 1.0)
    ]
    few, many = "under 0.01%", "over 99.9%"
    assert shown == ["", few, few, "0.01%", "50%", "98.8%", "99.9%", many, many]
