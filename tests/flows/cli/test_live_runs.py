"""Runs under way, as their event files tell: what was added, what began anew, what is broken."""

import os
from pathlib import Path

import numpy as np
import pytest
from training_lake import EVIL, LIVE, begin_live_run, live_row, make_training_lake

from flows.cli.live_runs import LiveRuns
from flows.cli.served_lake import ServedLake
from storage import Lake


def nothing_is_finished(_: str) -> bool:
    return False


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_a_look_tells_what_was_written(lake: Lake) -> None:
    looks = LiveRuns(lake.runs)
    assert looks.look(nothing_is_finished) == []  # there is no folder yet
    sink = begin_live_run(lake, range(1, 8))
    (run,) = looks.look(nothing_is_finished)
    assert (run.kind, run.artifact, run.title) == ("base", LIVE, f"training {EVIL}")
    assert run.recipe == {"note": EVIL, "seed": 3}
    assert run.columns["step"].tolist() == list(range(1, 8))
    assert run.columns["loss"] == pytest.approx([4 / step for step in range(1, 8)])
    measured = run.columns["validation_bits_per_byte"]
    assert np.flatnonzero(np.isfinite(measured)).tolist() == [4]
    sink.add(live_row(8) | {"mfu": 0.25})  # a figure that comes late
    sink.close()
    (run,) = looks.look(nothing_is_finished)
    assert run.columns["step"].tolist() == list(range(1, 9))
    assert np.isnan(run.columns["mfu"]).tolist() == [True] * 7 + [False]
    assert {len(column) for column in run.columns.values()} == {8}


def test_half_a_record_waits(lake: Lake) -> None:
    begin_live_run(lake, range(1, 8)).close()
    (file,) = (lake.runs / f"base-{LIVE}").iterdir()
    whole = file.read_bytes()
    looks, seen = LiveRuns(lake.runs), []
    for size in [*range(0, len(whole), 37), len(whole)]:
        file.write_bytes(whole[:size])
        (run,) = looks.look(nothing_is_finished)
        seen.append(len(run.columns.get("step", ())))
    assert seen == sorted(seen)
    assert run.columns["step"].tolist() == list(range(1, 8))


def test_a_run_that_went_back_begins_anew(lake: Lake) -> None:
    looks = LiveRuns(lake.runs)
    first = begin_live_run(lake, range(1, 8))
    looks.look(nothing_is_finished)
    begin_live_run(lake, range(1, 4)).close()
    (run,) = looks.look(nothing_is_finished)
    assert run.columns["step"].tolist() == [1, 2, 3]
    first.close()


def test_what_is_no_run_is_left_alone(lake: Lake) -> None:
    begin_live_run(lake, range(1, 4)).close()
    for name in ("notes", "base-123", f"../x-{LIVE}", f"sft-{LIVE[::-1]}"):
        (lake.runs / name).mkdir(parents=True)
    broken = lake.runs / f"rl-{LIVE[::-1]}"
    broken.mkdir()
    (broken / "events.out.tfevents.1").write_bytes(b"\xff" * 100)
    found = {run.kind: len(run.columns) for run in LiveRuns(lake.runs).look(nothing_is_finished)}
    assert found["rl"] == 0
    assert found.keys() == {"base", "rl"}


def test_a_finished_run_is_not_read(lake: Lake) -> None:
    begin_live_run(lake, range(1, 4)).close()
    assert LiveRuns(lake.runs).look({LIVE}.__contains__) == []


def test_the_newest_news_first_and_not_too_many(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_live_run(lake, range(1, 4)).close()
    begin_live_run(lake, range(1, 4), kind="sft").close()
    (old,) = (lake.runs / f"base-{LIVE}").iterdir()
    os.utime(old, (1e9, 1e9))
    kinds = [run.kind for run in LiveRuns(lake.runs).look(nothing_is_finished)]
    assert kinds == ["sft", "base"]
    monkeypatch.setattr("flows.cli.live_runs.MOST_RUNS", 1)
    assert [run.kind for run in LiveRuns(lake.runs).look(nothing_is_finished)] == ["sft"]


def test_the_served_lake_leaves_out_what_it_has(tmp_path: Path) -> None:
    lake = make_training_lake(tmp_path)
    begin_live_run(lake, range(1, 4)).close()
    done = lake.heads()["base"][:16]
    (lake.runs / f"base-{LIVE}").rename(lake.runs / f"base-{done}")
    begin_live_run(lake, range(1, 4)).close()
    shown = ServedLake(lake)
    assert [run.artifact for run in shown.live_runs()] == [LIVE]
    shown.close()
