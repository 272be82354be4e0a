"""What a build's process says at its end."""

import dataclasses
import io
import json
from pathlib import Path

import pytest

from pipeline.stage import Progress
from pipeline.worker import child
from pipeline.worker.spec import BuildSpec


@dataclasses.dataclass(frozen=True)
class Settings:
    size: int = 1


@pytest.mark.parametrize(("returned", "said"), [({"n": 3}, {"n": 3}), (None, {})])
def test_a_build_without_statistics_has_none(monkeypatch, tmp_path, returned, said):
    """As those processes of a torchrun group return that are not the first."""

    def build(
        out: Path,
        inputs: dict[str, list[Path]],
        config: Settings,
        progress: Progress,
        scratch: Path,
    ) -> dict[str, int] | None:
        return returned

    monkeypatch.setattr(child, "named", lambda entry: build)
    spec: BuildSpec = {
        "kind": "k",
        "entry": "m:f",
        "preload": "",
        "out": str(tmp_path),
        "inputs": {},
        "config": {},
        "scratch": "",
        "processes": 1,
    }
    events = io.StringIO()
    assert child.run(spec, events) == 0
    last = json.loads(events.getvalue().splitlines()[-1])
    assert (last["event"], last["statistics"]) == ("done", said)
