"""wandb and trackio get each step once, whatever happened to the run; real ones where installed."""

import json
import sqlite3
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
from wandb_files import history

from flows.config_tables import LoggingConfig
from flows.runner import curves, trackers
from flows.runner.curves import About
from flows.runner.trackers import Sent

STEPS = [*range(1, 10)]


@pytest.fixture
def about(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_DIR", "TRACKIO_DIR", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    return About("sft-0123", "fine-tuning", {"seed": 7}, "crawl2chat", tmp_path / "sft-0123")


def two_tries(about, name, between=0.0):
    """Killed after step 6, resumed after 4; the failures said."""
    said: list[str] = []
    asked: dict[str, Any] = {"tensorboard": False, name: True}
    for past, last in ((0, 6), (4, 9)):
        time.sleep(between)
        made = curves.begin(LoggingConfig(**asked), about)
        made.history(past / 10)
        for step in range(1, last + 1):
            row = {"event": "metric", "stage": "sft", "step": step, "loss": 1 / step}
            made.add({**row, "past": True} if step <= past else row)
        made.close()
        said += made.failures()
    return said


def test_a_step_counts_as_sent_before_it_is_and_over_all_tries(tmp_path):
    sent = Sent(tmp_path / "sent.json")
    assert [step for step in (2, 4, 4, 3, 6) if sent.is_new(step)] == [2, 4, 6]
    assert json.loads(sent.path.read_text()) == {"step": 6}
    again = Sent(sent.path)
    assert [step for step in (4, 6, 8) if again.is_new(step)] == [8]


class Service(types.ModuleType):
    """Stands in for either package, and remembers."""

    def __init__(self, name, key=""):
        super().__init__(name)
        self.begun, self.rows, self.asked, self.key = [], [], [], key

    def init(self, **settings):
        self.begun.append(settings)
        return self

    def log(self, figures, step):
        self.rows.append((step, figures))

    def finish(self):
        self.rows.append("finished")

    def Settings(self, **settings):
        return settings

    def login(self, **settings):
        self.asked.append(settings)
        return bool(self.key)


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_steps_are_sent_once_and_the_run_is_the_same_one(name, about, monkeypatch):
    service = Service(name)
    monkeypatch.setitem(sys.modules, name, service)
    assert two_tries(about, name) == []
    rows = [row for row in service.rows if row != "finished"]
    assert rows == [(step, {"loss": 1 / step}) for step in STEPS]
    assert service.rows.count("finished") == 2
    for settings in service.begun:
        assert settings["project"] == "crawl2chat"
        assert settings["config"] == {"seed": 7}
        assert settings["resume"] == "allow"
        assert settings["id" if name == "wandb" else "name"] == "sft-0123"


def test_without_a_key_wandb_writes_for_later_and_asks_nothing(about, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", service := Service("wandb"))
    trackers.start_wandb(about)
    assert service.begun[0]["mode"] == "offline"
    assert service.asked == [{"prompt": False, "verify": False}]
    service.key = "k"
    trackers.start_wandb(about)
    assert service.begun[1]["mode"] is None
    monkeypatch.setenv("WANDB_MODE", "online")
    service.key = ""
    trackers.start_wandb(about)
    assert service.begun[2]["mode"] is None


def test_wandb_itself_offline(about):
    pytest.importorskip("wandb", reason="pip install wandb")
    assert two_tries(about, "wandb", between=1.1) == []  # it names its folders by the second
    found = history(about.folder)
    assert [step for step, _ in found] == STEPS
    assert [figures for _, figures in found] == [{"loss": 1 / step} for step in STEPS]


TRACKIO = """
import sys
from pathlib import Path

sys.path[:0] = {path!r}
import test_trackers as t

about = t.About("sft-0123", "", {{"seed": 7}}, "crawl2chat", Path({folder!r}))
assert t.two_tries(about, "trackio") == []
"""


def test_trackio_itself(about):
    """In a process of its own: where its database lies is decided when it is imported."""
    pytest.importorskip("trackio", reason="pip install trackio")
    path = [str(Path(__file__).parent), *sys.path]
    code = TRACKIO.format(path=path, folder=str(about.folder))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    (database,) = about.folder.parent.rglob("crawl2chat.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT run_name, step, metrics FROM metrics ORDER BY id")
        found = [(name, step, json.loads(figures)) for name, step, figures in rows]
    assert found == [("sft-0123", step, {"loss": 1 / step}) for step in STEPS]
