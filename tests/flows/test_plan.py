"""The training half of `plan`: counted from the preset, without a lake."""

import argparse

import pytest

from flows.commands.plan import plan, training_rows
from flows.config import load


def figures(name: str, *changes: str, teraflops: float = 400.0) -> dict[str, float]:
    rows = training_rows(load(name, list(changes)), [], teraflops)
    return {row["name"]: row["value"] for row in rows}


def test_the_dial_s_numbers_stand_first() -> None:
    rows = figures("gpu8")
    assert list(rows)[:2] == ["layers", "width"]
    assert (rows["layers"], rows["width"], rows["attention heads of 128"]) == (26, 1664, 13)
    assert rows["tokens a step"] == 512 * 2048
    assert rows["steps"] * rows["tokens a step"] == rows["tokens"]
    assert rows["tokens for each parameter of a matrix product"] == pytest.approx(8.5, rel=1e-3)


def test_gpu_hours_follow_from_the_operations() -> None:
    rows = figures("gpu8", teraflops=500.0)
    hours = rows["GPU hours, at 500 TFLOP/s a card"]
    assert hours == pytest.approx(rows["floating-point operations"] / 500e12 / 3600)
    assert rows["hours on 8 cards"] == pytest.approx(hours / 8)
    # 6 x 924M weights and 12 x 26 x 1664 x 1024 of attention, for 7.85G tokens
    assert rows["floating-point operations"] == pytest.approx(4.77e19, rel=1e-2)


def test_without_the_dial_it_is_silent_about_it() -> None:
    rows = figures("demo")
    assert "layers" not in rows
    assert not any("GPU" in name for name in rows)
    # 4 layers of 128 with heads of 32 x 4 and 3 x 384, head and embedding of 1,024
    assert rows["parameters"] == 4 * (4 * 128**2 + 3 * 128 * 384) + 2 * 1024 * 128


def test_a_lake_without_a_crawl_still_shows_the_training(tmp_path, capsys) -> None:
    chosen = argparse.Namespace(
        preset="gpu",
        set=["pretrain.depth=6"],
        lake=str(tmp_path),
        files=10,
        gigabytes_per_file=1.0,
        cores=8,
        price_per_core_hour=0.04,
        megabytes_per_second=50.0,
        gpu_teraflops=400.0,
        json=False,
    )
    assert plan(chosen) == 0
    printed = capsys.readouterr().out
    assert "corpus: nothing to extrapolate from" in printed
    assert "training, preset gpu" in printed
