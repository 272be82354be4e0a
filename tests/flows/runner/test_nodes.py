"""A run on two nodes, here a thread each: who runs what, who tries again, how they end."""

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import Bench
from patience import PATIENCE_SECONDS
from two_nodes import free_address

from flows.config import load
from flows.config_tables import InputConfig
from flows.runner import nodes
from flows.runner.artifact import make
from flows.runner.flow_run import Run
from flows.runner.nodes import Leader, Nodes, follow, told
from flows.runner.work import Work
from flows.runner.workers import NetworkError, StageFailed, WorkerKilled, _done, _Ended
from storage import Lake
from storage.errors import UserError


@pytest.fixture(autouse=True)
def _lively(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(nodes, "POLL_SECONDS", 0.05)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def given(rank: int = 0, **changes: Any) -> InputConfig:
    settings: dict[str, Any] = {"nodes": 2, "node_rank": rank}
    settings |= {"rendezvous": "localhost:29400"} | changes
    return InputConfig(**settings)


class Other:
    """Node 1: what it says, and how it ended."""

    def __init__(self, lake: Lake, settings: InputConfig) -> None:
        self.lines: list[str] = []
        self.error: Exception | None = None
        self._settings, self._lake = settings, lake
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            follow(self._settings, self._lake, self.lines.append)
        except Exception as error:
            self.error = error

    def ended(self) -> list[str]:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.lines


def together(bench: Bench, ending: str) -> tuple[Other, Callable[[], Any]]:
    """Node 1, and node 0's run: a task of two processes, one on each."""
    settings = given(rendezvous=free_address(), rendezvous_seconds=600.0)
    other = Other(bench.lake, dataclasses.replace(settings, node_rank=1))
    work = dataclasses.replace(bench.work(13, ending), processes=2, nodes=Nodes.of(settings))

    def run() -> Any:
        with told():
            nodes.lead(settings, bench.lake)
            return bench.run(lambda: make(work))

    return other, run


@pytest.mark.usefixtures("prefect")
def test_two_nodes_make_one_artifact_and_try_again_together(bench: Bench) -> None:
    other, run = together(bench, "node_killed_once")
    made = run()
    lines = other.ended()
    assert other.error is None
    assert [line.split(":")[0] for line in lines] == [
        "node 1 of 2",
        "node 1",
        "✗ node 1",
        "node 1",
        "✓ node 1",
        "node 0's run has ended",
    ]
    ranks = [line.split("rank=")[1] for line in bench.log.read_text().splitlines()]
    assert sorted(ranks) == ["0", "0", "1", "1"]
    assert bench.lake.manifest("toy", made["digest"]).recipe["processes"] == 2
    left = sorted(path.name for path in (bench.lake.disk.root / nodes.FOLDER).iterdir())
    assert len(left) == 1  # what node 0 said last


@pytest.mark.usefixtures("prefect")
def test_what_another_node_cannot_do_is_said_by_node_0(bench: Bench) -> None:
    other, run = together(bench, "node_mistaken")
    with pytest.raises(UserError, match="node 1: input x: is no y: give a z"):
        run()
    other.ended()
    assert isinstance(other.error, UserError)
    assert bench.lake.list() == []


def test_the_number_of_machines_is_in_no_digest(bench: Bench) -> None:
    """Two of one process each round as one machine of two does."""
    pair = dataclasses.replace(bench.work(13), processes=2)
    assert dataclasses.replace(pair, nodes=Nodes.of(given())).digest == pair.digest


@pytest.mark.parametrize(("parallelism", "replicas"), [("hsdp", 2), ("fsdp", 0)])
def test_every_node_is_a_replica(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, parallelism: str, replicas: int
) -> None:
    made: list[Work] = []
    monkeypatch.setattr("flows.runner.flow_run.make", made.append)
    changes = [
        f"pretrain.parallelism={parallelism}",
        "input.nodes=2",
        "input.processes=4",
        "input.rendezvous=localhost:29400",
        "rl.prompts_per_step=8",
        "rlhf.prompts_per_step=8",
        "pretrain.loop.rows_per_step=8",
    ]
    config = load("ci", changes)
    from pipeline.training.pretrain import STAGE

    Run(config, Lake(tmp_path)).train(STAGE, config.pretrain, "base")
    (work,) = made
    assert work.processes == 8
    assert work.nodes == Nodes(2, 0, "localhost:29400", 600)
    assert work.config.replicas == replicas


@pytest.mark.parametrize("state", ["busy", "done", "failed"])
def test_a_file_of_an_earlier_run_is_no_sign_of_life(tmp_path: Path, state: str) -> None:
    lake, settings = Lake(tmp_path), given(1, rendezvous_seconds=1.0)
    place = nodes.Nodes.of(settings)
    assert place is not None
    file = nodes.board(lake, place)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"run": "old", "beat": 7, "state": state, "text": "", "spec": None}))
    with pytest.raises(NetworkError, match="node 0 is not there for 1 s"):
        follow(settings, lake, lambda line: None)


def test_a_node_0_that_falls_silent_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(nodes, "SILENT_SECONDS", 3.0)
    lake, settings = Lake(tmp_path), given()
    place = nodes.Nodes.of(settings)
    assert place is not None
    leader = Leader(nodes.board(lake, place))
    other = Other(lake, dataclasses.replace(settings, node_rank=1))
    time.sleep(4.0)
    assert other.error is None
    leader._over.set()
    other.ended()
    assert isinstance(other.error, NetworkError)
    assert "node 0 has not been heard of for 3 s" in str(other.error)


def test_the_others_hear_that_a_run_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, read = threading.Event(), nodes._Follower.read

    def listen(follower: nodes._Follower) -> nodes.Announcement | None:
        said = read(follower)
        if follower._first:
            heard.set()
        return said

    monkeypatch.setattr(nodes._Follower, "read", listen)
    lake, settings = Lake(tmp_path), given()
    other = Other(lake, dataclasses.replace(settings, node_rank=1))

    def fail() -> None:
        with told():
            nodes.lead(settings, lake)
            assert heard.wait(PATIENCE_SECONDS)
            raise UserError("no such input")

    with pytest.raises(UserError, match="no such input"):
        fail()
    other.ended()
    assert isinstance(other.error, NetworkError)
    assert str(other.error) == "node 0's run failed: no such input"


def test_only_node_0_runs_flows_and_only_in_a_shared_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="only node 0 runs flows"):
        nodes.lead(given(1), Lake(tmp_path))
    place = Nodes.of(given())
    assert place is not None
    remote = Lake(tmp_path)
    monkeypatch.setattr(remote, "tree", object())  # as of s3://
    with pytest.raises(UserError, match="must be a folder on storage that all nodes share"):
        nodes.board(remote, place)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nodes": 0}, "must be above 0"),
        ({"nodes": 2}, "HOST:PORT of node 0"),
        ({"nodes": 2, "rendezvous": "host"}, "HOST:PORT of node 0"),
        ({"nodes": 2, "rendezvous": "host:99999"}, "HOST:PORT of node 0"),
        ({"nodes": 2, "rendezvous": "host:1", "node_rank": 2}, "below input.nodes"),
        ({"rendezvous": "host:1"}, "only with input.nodes"),
        ({"nodes": 5, "rendezvous": "host:1"}, "must divide by input.processes x input.nodes"),
    ],
)
def test_machines_that_cannot_meet_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        load("ci", input=change)


SUMMARY = "Root Cause (first observed failure):\n[0]:\n  exitcode  : {} (pid: 7)\n"


@pytest.mark.parametrize(
    ("codes", "expected", "words"),
    [
        ((75,), NetworkError, "a process on another node is gone"),
        ((-15, 75), NetworkError, "a process on another node is gone"),
        ((75, -9), WorkerKilled, "SIGKILL"),
        ((-15, -11), WorkerKilled, "SIGSEGV"),
        ((-15, -15), WorkerKilled, "SIGTERM"),
        ((75, 1), StageFailed, "exitcode  : 1"),
        ((-15, 1), StageFailed, "exitcode  : 1"),  # torchrun's SIGTERM to the others
    ],
)
def test_who_ended_first_says_whether_to_try_again(
    codes: tuple[int, ...], expected: type[Exception], words: str
) -> None:
    log = "".join(SUMMARY.format(code) for code in codes)
    with pytest.raises(expected, match=words):
        _done(_Ended(1, None, log, 0.0), "base", "lake")


def test_nodes_that_did_not_meet_may_try_again() -> None:
    log = "Traceback …\ntorch.distributed.elastic.rendezvous.api.RendezvousTimeoutError\n"
    with pytest.raises(NetworkError, match="the nodes did not meet, or node 0 is gone"):
        _done(_Ended(1, None, log, 0.0), "base", "lake")
