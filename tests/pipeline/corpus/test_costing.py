"""Extrapolation: exact where files are alike, honest where they differ, refused without any."""

import dataclasses

import pytest

from pipeline.corpus.costing import CostRow, Joined, MeasuredPart, Target, extrapolate, per_byte
from storage.errors import UserError

PART = MeasuredPart(
    warc_bytes=20_000_000,
    records=2_000,
    documents=1_000,
    text_bytes=4_000_000,
    stored_bytes=3_000_000,
    cpu_seconds=10.0,
    peak_memory_bytes=500_000_000,
    energy_kwh=0.0001,
)
TARGET = Target(files=1_000, gigabytes_per_file=1.0, cores=10, price_per_core_hour=0.05)


def figures(parts: list[MeasuredPart], joined: Joined | None = None) -> dict[str, CostRow]:
    return {row["name"]: row for row in extrapolate(parts, joined, TARGET)}


def test_files_that_are_alike_give_exact_figures() -> None:
    rows = figures([PART] * 4)
    hours = 1e12 / 20e6 * 10 / 3600
    read = rows["core-hours, reading and measuring pages"]
    assert read["value"] == pytest.approx(hours)
    assert read["low"] is None or read["low"] == pytest.approx(hours)
    assert rows["money for that"]["value"] == pytest.approx(hours * 0.05)
    assert rows["the same on 10 cores"]["value"] == pytest.approx(hours / 10)
    assert rows["records"]["value"] == pytest.approx(1e8)
    assert rows["memory for 10 files at a time"]["value"] == pytest.approx(5.0)


def test_a_large_file_weighs_by_its_size() -> None:
    large = dataclasses.replace(PART, warc_bytes=180_000_000, cpu_seconds=18.0)
    value, half = per_byte([PART, large], lambda part: part.cpu_seconds)
    assert value == pytest.approx(28 / 200e6)  # and not the mean of the two ratios
    assert half > 0


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    import random

    draw = random.Random(1)
    hits = 0
    for _ in range(400):
        parts = []
        for _ in range(7):
            size = draw.randrange(10_000_000, 20_000_000)
            seconds = size * 5e-7 * draw.gauss(1.0, 0.1)
            parts.append(dataclasses.replace(PART, warc_bytes=size, cpu_seconds=seconds))
        value, half = per_byte(parts, lambda part: part.cpu_seconds)
        hits += abs(value - 5e-7) <= half
    assert 0.90 <= hits / 400 <= 0.99


def test_joining_is_scaled_and_one_file_has_no_interval() -> None:
    joined = Joined(20_000_000, 500, 600, 2_000_000, 4_000_000, 2.0, 300_000_000)
    rows = figures([PART], joined)
    assert rows["text of the corpus"]["value"] == pytest.approx(100.0)
    assert rows["memory for dedup"]["value"] == pytest.approx(0.3 + 600 * 50_000 * 16 / 1e9)
    assert rows["records"]["low"] is None


@pytest.mark.parametrize("parts", [[], [dataclasses.replace(PART, warc_bytes=0)]])
def test_nothing_measured_is_said(parts: list[MeasuredPart]) -> None:
    with pytest.raises(UserError, match="run corpus"):
        extrapolate(parts, None, TARGET)


def test_an_empty_target_is_refused() -> None:
    with pytest.raises(UserError, match="above zero"):
        extrapolate([PART], None, dataclasses.replace(TARGET, cores=0))
