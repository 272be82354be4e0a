"""A stage small enough to break on purpose: its config says how it ends."""

import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.stage import Progress, Stage
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    number: int = 1
    ending: str = "well"
    log: str = ""  # a file that gets a line a run: how often was it really built?


def _save_and_leave(number: int, frame: object) -> None:
    """As a training loop does that is told to stop, which takes a while."""
    time.sleep(0.5)
    Path(f"{_log}.saved").write_text("saved")
    os._exit(143)


_log = ""


def build(
    out: Path, inputs: dict[str, list[Path]], config: ToyConfig, progress: Progress, scratch: Path
) -> dict[str, Any]:
    global _log
    _log = config.log
    if config.log:
        with Path(config.log).open("a") as log:
            log.write(f"{config.number} pid={os.getpid()} rank={os.environ.get('RANK', '')}\n")
    attempts = scratch / f"attempts{os.environ.get('RANK', '')}"  # each process counts its own
    attempt = int(attempts.read_text()) + 1 if attempts.exists() else 1
    attempts.write_text(str(attempt))
    print("a stray print")
    progress.note("half way")
    progress.history("toy", [])
    for step in range(5):
        progress.metric("toy", step, loss=5.0 - step, mfu=None)
        progress.update(step + 1, 5, "steps")
    if config.ending == "changed_input":
        inputs["file"][0].write_text('{"total": 50}')
    _end(config.ending, attempt)
    _end_on_a_node(config.ending, scratch)
    total = config.number
    for paths in inputs.values():
        for path in paths:
            source = path / "toy.json" if path.is_dir() else path
            total += json.loads(source.read_text())["total"]
    if os.environ.get("RANK", "0") == "0":
        (out / "toy.json").write_text(json.dumps({"total": total}))
    return {"total": total}


def _end(ending: str, attempt: int) -> None:
    if ending == "user_error":
        raise UserError("input x: is no y: give a z")
    if ending in ("exception", "preload_fails"):
        raise KeyError("unheard of")
    if ending == "disk_full":
        raise OSError(28, "No space left on device")
    if ending == "network" and attempt < 3:
        raise ConnectionResetError("peer went away")
    if ending == "killed" or (ending == "killed_once" and attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if ending.startswith("code "):
        os._exit(int(ending.removeprefix("code ")))
    if ending == "saves":
        signal.signal(signal.SIGTERM, _save_and_leave)
        Path(f"{_log}.ready").write_text("")
        time.sleep(3600)
    if ending == "reads":
        assert sys.stdin.read() == ""
    if ending == "sleep":
        Path(f"{_log}.ready").write_text("")
        time.sleep(600)


def _end_on_a_node(ending: str, scratch: Path) -> None:
    """Of two nodes the second one fails, once or for good; the first sees it gone."""
    if ending not in ("node_killed_once", "node_mistaken"):
        return
    rank = os.environ["RANK"]
    before = scratch / f"tried-{rank}"
    if ending == "node_killed_once" and before.exists():
        return
    before.touch()
    if rank == "1" and ending == "node_mistaken":
        raise UserError("input x: is no y: give a z")
    if rank == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    import torch.distributed

    while not (scratch / "tried-1").exists():
        time.sleep(0.01)
    time.sleep(0.5)
    raise torch.distributed.DistNetworkError("the other one is gone")


STAGE = Stage("toy", 1, ToyConfig, build)


def preload(config: ToyConfig) -> None:
    """What a host of the stage loads: nothing; it says where it was called."""
    with Path(f"{config.log}.preload").open("a") as log:
        log.write(f"{os.getpid()}\n")
    if config.ending == "preload_fails":
        raise KeyError("nothing to load")


def spec_of(place: Path, ending: str) -> dict[str, Any]:
    """Of a build in a fork of a host."""
    return {
        "kind": "toy",
        "entry": "toy:build",
        "preload": "toy:preload",
        "config": {"number": 7, "ending": ending, "log": str(place / "log")},
        "inputs": {},
        "out": str(place),
        "scratch": str(place),
        "processes": 1,
    }
