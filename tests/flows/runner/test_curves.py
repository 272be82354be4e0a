"""Whatever draws the curves, and however it fails, the run goes on and says so once."""

import threading
import time

import pytest
from patience import PATIENCE_SECONDS, eventually

from flows.config import load
from flows.config_tables import LoggingConfig
from flows.runner import curves
from flows.runner.curves import About, Curves, check, figures, runs_folder
from storage import Lake
from storage.errors import UserError


class Sink:
    """Remembers what it got; fails or hangs where it is told to."""

    def __init__(self, fails=""):
        self.got, self.fails = [], fails
        self.go_on, self.gone_on = threading.Event(), False
        self._do("make")

    def _do(self, what, *arguments):
        self.got.append((what, *arguments))
        if self.fails == what:
            raise ConnectionError("no route\nto host")
        if self.fails == f"{what} hangs":
            self.go_on.wait(PATIENCE_SECONDS)
            self.gone_on = True

    def history(self, seconds):
        self._do("history", seconds)

    def add(self, row):
        self._do("add", row["step"])

    def flush(self):
        self._do("flush")

    def close(self):
        self._do("close")


def a_run(sinks, steps=4, close=5.0):
    made = Curves(sinks)
    made.history(0.0)
    for step in range(1, steps + 1):
        made.add({"step": step})
    made.close(close)
    return made


def test_a_sink_gets_the_run_in_order_and_is_closed():
    sink = Sink()
    made = a_run({"one": lambda: sink})
    adds = [("add", step) for step in (1, 2, 3, 4)]
    assert sink.got == [("make",), ("history", 0.0), *adds, ("close",)]
    assert list(made.failures()) == []


def test_without_a_row_no_sink_is_made():
    made = Curves({"one": lambda: pytest.fail("made")})
    made.close()
    assert list(made.failures()) == []


@pytest.mark.parametrize("where", ["make", "history", "add", "close"])
def test_one_that_fails_is_said_once_and_the_others_go_on(where):
    whole = Sink()
    made = a_run({"broken": lambda: Sink(where), "whole": lambda: whole})
    assert list(made.failures()) == [
        "no more curves by broken: ConnectionError: no route to host; training goes on"
    ]
    assert list(made.failures()) == []
    assert whole.got[-1] == ("close",)


def test_one_that_hangs_holds_up_nothing():
    hangs, whole = Sink("add hangs"), Sink()
    made = a_run({"hangs": lambda: hangs, "whole": lambda: whole}, steps=45, close=0.3)
    assert not hangs.gone_on
    assert list(made.failures()) == [
        "no more curves by hangs: it did not end in time; training goes on"
    ]
    hangs.go_on.set()
    assert whole.got[-1] == ("close",)


def test_one_that_takes_nothing_for_long_gets_no_more(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(curves, "FLUSH_SECONDS", 0.02)
    hangs, slow = Sink("add hangs"), Sink()
    made = Curves({"hangs": lambda: hangs, "slow": lambda: slow})
    made.history(0.0)
    made.add({"step": 1})
    eventually(lambda: ("add", 1) in hangs.got and ("add", 1) in slow.got)
    now += 3600.0  # no row for long is no failure; a row that is not taken is
    idle = next(feed for feed in made._feeds if feed.name == "slow")
    eventually(lambda: idle._took_at == now)
    for step in (2, 3):
        made.add({"step": step})
    assert list(made.failures()) == [
        "no more curves by hangs: it took no row for 600 s; training goes on"
    ]
    hangs.go_on.set()
    made.close(5.0)
    assert [what for what in slow.got if what[0] == "add"] == [("add", n) for n in (1, 2, 3)]
    assert ("add", 3) not in hangs.got


def test_a_long_history_comes_all_at_once():
    sink = Sink()
    made = Curves({"one": lambda: sink})
    made.history(0.0)
    for step in range(250_000):
        made.add({"step": step})
    made.close()
    assert sink.got[-2] == ("add", 249_999)
    assert list(made.failures()) == []


def test_what_waits_is_written_though_no_row_comes(monkeypatch):
    monkeypatch.setattr(curves, "FLUSH_SECONDS", 0.02)
    sink = Sink()
    made = Curves({"one": lambda: sink})
    made.history(0.0)
    made.add({"step": 1})
    eventually(lambda: ("flush",) in sink.got)
    made.close()


def test_figures_are_the_numbers_of_a_row():
    row = {"event": "metric", "past": True, "stage": "rl", "step": 3, "loss": -0.5, "tokens": 7}
    assert figures(row) == {"loss": -0.5, "tokens": 7}


def test_a_service_that_is_not_installed_is_named_before_anything_runs(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check(LoggingConfig())
    for name in ("wandb", "trackio"):
        config = load("ci", [f"logging.{name}=true"]).logging
        with pytest.raises(UserError, match=f"pip install {name}") as caught:
            check(config)
        assert "\n" not in str(caught.value)


def test_runs_lie_in_the_lake_and_are_no_artifacts_of_it(tmp_path):
    lake = Lake(tmp_path / "lake")
    assert runs_folder(LoggingConfig(), lake) == tmp_path / "lake" / "runs"
    (lake.runs / "base-0123").mkdir(parents=True)
    (lake.runs / "base-0123" / "events").write_bytes(b"x")
    assert lake.list() == []
    lake.collect_garbage(max_age_seconds=-1.0)
    assert (lake.runs / "base-0123" / "events").is_file()
    given = load("ci", [f"logging.folder={tmp_path}/elsewhere"]).logging
    assert runs_folder(given, lake) == tmp_path / "elsewhere"


def test_only_what_is_asked_for_is_begun(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(curves, "_made", lambda module, name, about: begun.append(name))
    about = About("base-1", "", {}, "", tmp_path)
    for changes in ([], ["logging.wandb=true"], ["logging.tensorboard=false"]):
        made = curves.begin(load("ci", changes).logging, about)
        made.history(0.0)
        made.close()
    assert sorted(begun) == ["Tensorboard", "Tensorboard", "start_wandb"]
