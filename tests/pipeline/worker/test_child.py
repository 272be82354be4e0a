"""What a build's process says at its end."""

import dataclasses
import io
import json

import pytest

from pipeline.worker import child


@dataclasses.dataclass(frozen=True)
class Settings:
    size: int = 1


@pytest.mark.parametrize(("returned", "said"), [({"n": 3}, {"n": 3}), (None, {})])
def test_a_build_without_statistics_has_none(monkeypatch, tmp_path, returned, said):
    """As those processes of a torchrun group return that are not the first."""

    def build(out, inputs, config: Settings, progress, scratch):
        return returned

    monkeypatch.setattr(child, "named", lambda entry: build)
    spec = {"entry": "m:f", "out": str(tmp_path), "inputs": {}, "config": {}, "scratch": ""}
    events = io.StringIO()
    assert child.run(spec, events) == 0
    last = json.loads(events.getvalue().splitlines()[-1])
    assert (last["event"], last["statistics"]) == ("done", said)
