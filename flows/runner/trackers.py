"""Weights & Biases and trackio: where they are installed and asked for, they get a run's figures.

What was sent can't be taken back, so a step is sent once, by whichever try comes to it first: a
resumed run repeats its steps to the bit. The last step sent stands in the run's folder.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from flows.runner.curves import About, Row, figures
from storage.durable import write_atomic


class Sent:
    """How far a service has a run's figures, over all tries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step = 0
        if path.is_file():
            self.step = int(json.loads(path.read_text())["step"])

    def is_new(self, step: int) -> bool:
        """Whether the step was not sent before; from now on it counts as sent."""
        if step <= self.step:
            return False
        self.step = step
        # Before it is sent: after a kill one may be missing, none is there twice.
        write_atomic(self.path, json.dumps({"step": step}).encode())
        return True


class Tracker:
    """A sink of `curves`: a service's own run, which is sent what it does not have yet."""

    def __init__(self, about: About, service: str, run: Any) -> None:
        about.folder.mkdir(parents=True, exist_ok=True)
        self.sent = Sent(about.folder / f"{service}.json")
        self.run = run

    def history(self, seconds: float) -> None:
        """Nothing is sent twice."""

    def add(self, row: Row) -> None:
        if self.sent.is_new(row["step"]):
            self.run.log(figures(row), step=row["step"])

    def flush(self) -> None:
        """It has threads of its own."""

    def close(self) -> None:
        self.run.finish()


def start_wandb(about: About) -> Tracker:
    """A run of Weights & Biases, offline where it knows no key."""
    import wandb

    about.folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=about.project,
        id=about.name,
        name=f"{about.title} {about.name}",
        config=about.recipe,
        dir=str(about.folder),
        resume="allow",
        mode=_wandb_mode(wandb),
        settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
    )
    return Tracker(about, "wandb", run)


def start_trackio(about: About) -> Tracker:
    """A run of trackio."""
    import trackio

    _keep_from_stdout("trackio")
    run = trackio.init(project=about.project, name=about.name, config=about.recipe, resume="allow")
    return Tracker(about, "trackio", run)


def _keep_from_stdout(package: str) -> None:
    """Its modules print nothing: stdout belongs to results, and may be one JSON document."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == package:
            vars(module)["print"] = lambda *_, **__: None


def _wandb_mode(wandb: Any) -> Any:
    """As the user's environment says; without a key no question is asked at the terminal."""
    if "WANDB_MODE" in os.environ:
        return None
    try:
        known = wandb.login(prompt=False, verify=False)
    except TypeError:  # before 0.31
        known = bool(wandb.api.api_key)
    return None if known else "offline"
