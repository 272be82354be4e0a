"""Held-out hosts over groups: what the hosts of all of them together would give."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.corpus import held_out_hosts
from pipeline.corpus.config import SplitConfig
from pipeline.corpus.split import validation_limit
from pipeline.stage import SILENT


def settled(folder: Path, groups: list[np.ndarray], fraction: float) -> dict[str, int]:
    folder.mkdir(parents=True)
    inputs = []
    for number, some in enumerate(groups):
        (folder / str(number)).mkdir()
        some.astype("<u8").tofile(folder / str(number) / held_out_hosts.HOSTS)
        inputs.append(folder / str(number))
    config = SplitConfig(validation_fraction=fraction)
    statistics = held_out_hosts.build(folder, {"groups": inputs}, config, SILENT, folder)
    split = json.loads((folder / held_out_hosts.SPLIT).read_text())
    assert statistics == {name: split[name] for name in ("hosts", "validation_hosts")}
    return split


@pytest.mark.parametrize("count", [0, 1, 2, 3, 500])
@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.3, 1.0])
def test_the_groups_give_what_all_hosts_give(
    tmp_path: Path, count: int, fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one span of numbers and in many; hosts that stand in several groups count once."""
    rng = np.random.default_rng(count)
    every = np.unique(rng.integers(0, 2**64, count, dtype=np.uint64))
    groups = [np.sort(rng.choice(every, count // 2, replace=False)) for _ in range(3)]
    groups.append(np.setdiff1d(every, np.concatenate(groups)))
    limit = validation_limit(every, SplitConfig(validation_fraction=fraction))
    wanted = {
        "limit": limit,
        "hosts": len(every),
        "validation_hosts": int((every < np.uint64(limit)).sum()),
    }
    assert settled(tmp_path / "one", groups, fraction) == wanted
    monkeypatch.setattr(held_out_hosts, "MERGE_BYTES", 200)
    assert settled(tmp_path / "many", groups, fraction) == wanted
    if count > 1:
        assert 0 < wanted["validation_hosts"] < count
