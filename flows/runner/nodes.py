"""A run on several machines: node 0 runs the flow, the others take their part in its training.

All are started alike but for `input.node_rank`: the same lake, a folder that all see under one
path, and the same address of node 0. Node 0 writes what it is at into the lake, with a beat that
says it is alive; each try of a training stage is announced there with an id of its own, by which
the nodes meet (pipeline.worker.rendezvous). So tries are node 0's alone to make: the others join
whatever is announced, write nothing but what went wrong on them, and end when node 0's run ends.
"""

import atexit
import contextlib
import dataclasses
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict, Unpack

from flows.config_tables import InputConfig
from flows.runner.workers import NetworkError, StageFailed, WorkerKilled, run_worker
from pipeline.worker.rendezvous import Rendezvous
from pipeline.worker.spec import BuildSpec
from storage import Lake
from storage.durable import DiskFull, write_atomic
from storage.errors import UserError
from storage.local import LocalTree

FOLDER = ".nodes"  # of the lake
BEAT_SECONDS = 2.0
SILENT_SECONDS = 60.0  # without a beat node 0 is held to be dead
POLL_SECONDS = 0.5
BUSY, DONE, FAILED = "busy", "done", "failed"  # a run's states; one that is over stays so


class RunNews(TypedDict, total=False):
    """What node 0 may have to say."""

    state: str
    text: str  # how the run failed
    spec: BuildSpec | None  # of the try that goes on, or None


class Announcement(RunNews):
    """The file that the other nodes read."""

    run: str
    beat: int


@dataclasses.dataclass(frozen=True)
class Nodes:
    """The machines of a run, and which of them this is."""

    count: int
    rank: int
    address: str  # HOST:PORT of node 0
    seconds: int  # that they wait for each other

    @classmethod
    def of(cls, given: InputConfig) -> "Nodes | None":
        """None where there is one alone."""
        if given.nodes == 1:
            return None
        seconds = max(1, round(given.rendezvous_seconds))
        return cls(given.nodes, given.node_rank, given.rendezvous, seconds)

    def meeting(self, rank: int, name: str) -> dict[str, Any]:
        """What a worker's spec says of it."""
        return dataclasses.asdict(Rendezvous(self.count, rank, self.address, name, self.seconds))


def board(lake: Lake, nodes: Nodes) -> Path:
    """The file in which node 0 says what it is at; others' complaints lie beside it."""
    if not isinstance(lake.tree, LocalTree):
        raise UserError(
            f"input.nodes: lake {lake.url} must be a folder on storage that all nodes share:"
            " checkpoints go there"
        )
    name = "".join(c if c.isalnum() or c in ".-" else "_" for c in nodes.address)
    return lake.tree.root / FOLDER / f"{name}.json"


class Leader:
    """Node 0: a thread of it beats as long as its process lives."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._said: Announcement = {"run": uuid.uuid4().hex, "beat": 0, "state": BUSY}
        self._over = threading.Event()
        self.say()
        threading.Thread(target=self._beat, name="nodes", daemon=True).start()

    @contextlib.contextmanager
    def announced(self, spec: BuildSpec) -> Iterator[None]:
        """While a try goes on: the others join it, by this spec but for their own number."""
        name = spec["rendezvous"]["id"]
        self.say(spec=spec)
        try:
            yield
        except (WorkerKilled, NetworkError):
            self._raise_complaint(name)
            raise
        finally:
            self.say(spec=None)

    def say(self, **what: Unpack[RunNews]) -> None:
        """Have the others read something new."""
        with self._lock:
            self._said = {**self._said, **what, "beat": self._said["beat"] + 1}
            write_atomic(self.file, json.dumps(self._said).encode())

    def end(self, state: str, text: str = "") -> None:
        """The run is over."""
        if not self._over.is_set():
            self._over.set()
            self.say(state=state, text=text, spec=None)

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # a full disk is said where it does harm
                self.say()

    def _raise_complaint(self, name: str) -> None:
        """What another node could not do, and would not the next time."""
        time.sleep(BEAT_SECONDS)  # it hears of the end as we do, and then says why
        for file in sorted(self.file.parent.glob(f"{name}.*.json")):
            said = json.loads(file.read_bytes())
            file.unlink()
            raise UserError(said["text"])


_leaders: dict[Path, Leader] = {}


def lead(given: InputConfig, lake: Lake) -> None:
    """Have the other nodes hear of this run, from its first flow on."""
    nodes = Nodes.of(given)
    if nodes is not None:
        leader(lake, nodes)


def leader(lake: Lake, nodes: Nodes) -> Leader:
    """This process as node 0 of its run."""
    if nodes.rank != 0:
        raise UserError("input.node_rank: only node 0 runs flows; others are started by `run`")
    file = board(lake, nodes)
    if file not in _leaders:
        _leaders[file] = Leader(file)
        atexit.register(_leaders[file].end, DONE)
    return _leaders[file]


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Around a run: the other nodes hear how it ended."""
    try:
        yield
    except BaseException as error:
        for leader in _leaders.values():
            leader.end(FAILED, " ".join(str(error).split()) or type(error).__name__)
        raise
    else:
        for leader in _leaders.values():
            leader.end(DONE)
    finally:
        _leaders.clear()


class _Follower:
    """What node 0 says, and whether it is alive: a file that lies there may be a dead run's."""

    def __init__(self, file: Path, patience: float) -> None:
        self.file, self.patience = file, patience
        self._first: tuple[str, int] | None = None
        self._newest: tuple[str, int] | None = None
        self._heard_at = time.monotonic()

    def read(self) -> Announcement | None:
        """None while nothing was heard since we began to listen."""
        said: Announcement | None = None
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(self.file.read_bytes())
        mark = (said["run"], said["beat"]) if said else None
        now = time.monotonic()
        if mark is not None and self._first is None:
            self._first = mark
        if mark is not None and mark != self._newest:
            self._newest, self._heard_at = mark, now
        alive = self._newest != self._first
        if now - self._heard_at > (SILENT_SECONDS if alive else self.patience):
            what = "has not been heard of" if alive else "is not there"
            raise NetworkError(
                f"node 0 {what} for {now - self._heard_at:.0f} s ({self.file}): is its run going?"
            )
        return said if alive else None


def follow(given: InputConfig, lake: Lake, say: Callable[[str], None]) -> None:
    """Another node than the first: train with it until its run has ended."""
    nodes = Nodes.of(given)
    assert nodes is not None
    file = board(lake, nodes)
    follower = _Follower(file, nodes.seconds)
    tried: set[str] = set()
    say(f"node {nodes.rank} of {nodes.count}: waits for node 0 at {nodes.address}")
    while True:
        said = follower.read()
        spec = said and said.get("spec")
        if said and said["state"] == FAILED:
            raise NetworkError(f"node 0's run failed: {said['text']}")
        if said and said["state"] == DONE:
            say("node 0's run has ended")
            return
        if spec and spec["rendezvous"]["id"] not in tried:
            tried.add(spec["rendezvous"]["id"])
            _join(nodes, spec, file, lake, say)
        time.sleep(POLL_SECONDS)


def _join(
    nodes: Nodes, spec: BuildSpec, file: Path, lake: Lake, say: Callable[[str], None]
) -> None:
    """Take part in one try; what passes is node 0's to try again."""
    name = spec["rendezvous"]["id"]
    mine: BuildSpec = {**spec, "rendezvous": nodes.meeting(nodes.rank, name)}
    say(f"node {nodes.rank}: {spec['kind']}")
    desk = file.parent / f"{name}.{nodes.rank}"
    desk.mkdir(exist_ok=True)
    try:
        run_worker(mine, desk, lake.url, lambda event: None, lambda line: None)
        say(f"✓ node {nodes.rank}: {spec['kind']}")
    except (WorkerKilled, NetworkError) as error:
        say(f"✗ node {nodes.rank}: {error}; node 0 decides how to go on")
    except (UserError, DiskFull, StageFailed) as error:
        text = f"node {nodes.rank}: {' '.join(str(error).split())}"
        write_atomic(desk.with_name(f"{desk.name}.json"), json.dumps({"text": text}).encode())
        raise
    finally:
        (desk / "spec.json").unlink(missing_ok=True)
        desk.rmdir()
