"""kill -9 at many moments, then the same command again: the same bytes as without it.

A lap of the kill campaign (`tests/faults/campaign.py`, which see) with two runs on one lake. What
dies by itself when its parent is gone must have died soon after.
"""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from storage.grouped import group_kind
from tests.faults.campaign import HOW, check, contents, lap

SEED = 20260117
KILLS = 6  # the campaign does hundreds
MIN_KILLS = 5


@pytest.mark.timeout(2400)
def test_killed_at_any_moment_the_artifacts_are_the_same(
    ci_run: Any, cli: Any, tmp_path: Path
) -> None:
    flows = ["crawl-to-chat", "corpus"]
    kills = lap(1, flows, tmp_path, cli.environment, random.Random(SEED), KILLS)
    print("\n".join(map(str, kills)))
    assert len(kills) >= MIN_KILLS, kills
    assert {kill.how for kill in kills} == set(HOW)
    check(tmp_path / "lake", contents(ci_run.lake))


def test_the_number_of_workers_changes_no_byte(ci_run: Any, cli: Any, tmp_path: Path) -> None:
    there = contents(ci_run.lake)  # of as many workers as there are cores
    workers = 1 if (os.cpu_count() or 1) > 1 else 2
    lake = tmp_path / "lake"
    cli.json("run", "corpus", "--preset", "ci", "--set", f"input.workers={workers}", "--lake", lake)
    made = contents(lake)
    kinds = {"crawl", "scan", "duplicates", "audit"}
    grouped = ("selection", "corpus", "corpus_split")
    kinds |= {*grouped, *map(group_kind, grouped)}
    assert kinds == {key.split("/")[0] for key in made}
    assert made == {key: there[key] for key in made}
