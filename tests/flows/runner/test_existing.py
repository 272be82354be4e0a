"""What is in the lake already gets no task run, one by one or after one look at the lake."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from flows.config import load
from flows.runner import existing, side_by_side
from flows.runner.flow_run import Run
from flows.runner.references import Reference
from storage import Lake

NUMBERS = range(1, 6)


@pytest.fixture
def bench(prefect: None, tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def make_all(bench: Bench) -> list[Reference]:
    """As a run of its own would."""
    bench.lake = Lake(bench.lake.url)
    run = Run(load("ci", input={"workers": 2}), bench.lake)

    def story() -> list[Reference]:
        with side_by_side.several_at_a_time(run) as runner:
            futures = [side_by_side.submit(bench.work(number), runner) for number in NUMBERS]
            return side_by_side.results(run, futures)

    return bench.run(story)


@pytest.mark.parametrize("one_by_one", [64, 2])
def test_only_what_is_missing_gets_a_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, one_by_one: int
) -> None:
    monkeypatch.setattr(existing, "ONE_BY_ONE", one_by_one)
    looks: list[str | None] = []
    listed = Lake.table

    def noting(lake: Lake, kind: str | None = None) -> Any:
        looks.append(kind)
        return listed(lake, kind)

    monkeypatch.setattr(Lake, "table", noting)
    first = make_all(bench)
    assert bench.builds == len(NUMBERS)
    assert make_all(bench) == first
    assert bench.task_runs() == []
    shutil.rmtree(first[1]["uri"])
    (Path(first[3]["uri"]) / "toy.json").write_text("{")  # cut off
    assert make_all(bench) == first
    assert bench.builds == len(NUMBERS) + 2
    assert looks == ([] if one_by_one > len(NUMBERS) else ["toy"] * 3)  # once a run


def test_of_many_each_is_asked_of_one_listing(bench: Bench, monkeypatch: Any) -> None:
    monkeypatch.setattr(existing, "ONE_BY_ONE", 0)
    work = bench.work(7)
    assert existing.find(work) is None
    reference = bench.make(7)
    assert existing.find(work) is None  # as the run first saw it: its task will find out
    bench.lake = Lake(bench.lake.url)
    assert existing.find(bench.work(7)) == reference
