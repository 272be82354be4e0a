"""What a task fetches of its inputs from a lake in S3, and for how long it stays."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from s3_server import s3_server

from flows.runner.artifact import _localized
from flows.runner.references import InputFile, reference
from flows.runner.work import Work
from pipeline.stage import Stage
from storage import Lake
from storage.digest import artifact_digest
from storage.durable import remove_tree
from storage.reads import Read


@dataclasses.dataclass(frozen=True)
class Config:
    """Nothing to choose."""


def build(**given: Any) -> Any:
    """Not called here: a task fetches first."""


def reads(config: Any, given: Any) -> Any:
    return {"part": [Read("small*")]} if "other" in given else {}


STAGE = Stage("toy", 1, Config, build, reads=reads)


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    with s3_server() as server:
        for name, value in server.environment(tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        server.client().create_bucket(Bucket="lake")
        yield Lake("s3://lake/here")


def test_what_the_stage_reads_for_as_long_as_it_runs(lake: Any, tmp_path: Path) -> None:
    digest = artifact_digest("scan", 1, {}, {})
    staging = lake.staging("scan", digest)
    for name in ("small.json", "large.bin"):
        (staging / name).write_bytes(bytes(100_000))
    made = lake.commit(staging, "scan", digest, 1, {}, {}, {}, {})
    remove_tree(lake.disk.root)
    file = InputFile(tmp_path / "x", "0" * 64)
    part = reference(made, lake)
    work = Work(STAGE, Config(), {"part": [part], "own": [file]}, lake, "toy")
    less = dataclasses.replace(work, prepared={"other": []})
    with lake.lease() as lease:
        ((folder,), own) = (_localized(less, lease)[key] for key in ("part", "own"))
        assert own == [str(tmp_path / "x")]
        assert sorted(p.name for p in Path(folder).iterdir()) == ["manifest.json", "small.json"]
        assert _localized(work, lease)["part"] == [folder]
        assert (Path(folder) / "large.bin").exists()
        lake.copies.max_bytes = 0
        assert lake.copies.make_room(0) > 0, "in use"
        assert Path(folder).exists()
    assert lake.copies.make_room(0) == 0
    assert not Path(folder).exists()
