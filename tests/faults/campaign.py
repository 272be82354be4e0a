"""kill -9 again and again over the whole pipeline, also with two runs on one lake at a time.

    python -m tests.faults.campaign --kills 200 --seed 1

A lap takes an empty lake to a finished one. While a run is at work on an artifact that was
disturbed less than twice, a random moment is waited for and something killed: the command alone
(what it started must die by itself), the command with all it started, or one of its workers (the
run goes on). What was killed is started again. In the first of each five laps `corpus` runs beside
`crawl-to-chat`. A lap ends when all its runs have ended well; then the lake must hold the same
bytes as one that nobody disturbed, and nothing else. The draws follow from the seed; where the
processes were when a kill came does not.
"""

import argparse
import collections
import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from storage import Lake
from storage.locks import LOCKS

REPOSITORY = Path(__file__).resolve().parents[2]
HOW = {"command": 3, "everything": 2, "worker": 5}  # and how often of ten
PAIRS = 5  # laps, of which one has two runs
DISTURBED = 2  # times at most an artifact; one that is always killed is never made
MAX_DELAY_SECONDS = 1.6
QUICK = (  # than preset ci: more kills an hour
    "pretrain.loop.steps=30",
    "sft.loop.steps=30",
    "rl.steps=3",
    'evals.suites=["bits_per_byte"]',
)
DYING_SECONDS = 30.0
PATIENCE_SECONDS = 600.0  # that nothing new may happen, on a slow machine
WORKERS = ("pipeline.worker.child", "pipeline.worker.host", "torch.distributed.run")


@dataclasses.dataclass(frozen=True)
class Kill:
    """What was killed, and what was being made just then."""

    lap: int
    how: str
    flow: str
    beside: str  # the flow that ran on the same lake, if any
    artifact: str
    delay_seconds: float


@dataclasses.dataclass
class Run:
    """A command that is started again until it has ended well."""

    flow: str
    lake: Path
    environment: dict[str, str]
    log: Path
    settings: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        self.starts += 1
        command = [sys.executable, "-m", "flows.cli", "run", self.flow, "--preset", "ci"]
        command += [word for setting in self.settings for word in ("--set", setting)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--lake", str(self.lake)],
                env=self.environment,
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def is_done(self) -> bool:
        """Ended well. A task whose workers were killed four times gives up: then once more."""
        assert self.process is not None
        code = self.process.poll()
        if code in (None, 0):
            return code == 0
        said = self.log.read_text(errors="replace")
        gave_up = code == 1 and "was ended by SIGKILL" in said[-2000:]
        assert gave_up or code == -signal.SIGKILL, f"exit code {code}:\n{said[-4000:]}"
        self.start()
        return False

    def kill(self, how: str, rng: random.Random) -> bool:
        """Whether there was something to kill."""
        assert self.process is not None
        try:
            descendants = psutil.Process(self.process.pid).children(recursive=True)
            workers = [p for p in descendants if is_worker(p)] if how == "worker" else []
        except psutil.NoSuchProcess:
            return False
        if how == "worker":
            if workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    rng.choice(workers).kill()
            return bool(workers)
        if self.process.poll() is not None:
            return False
        os.kill(self.process.pid, signal.SIGKILL)
        for process in descendants if how == "everything" else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        _, alive = psutil.wait_procs(descendants, timeout=60)
        assert not alive, f"these outlived the killed command: {alive}"
        return True


def is_worker(process: psutil.Process) -> bool:
    """A worker, a host of them, or a fork of one."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return any(name in process.cmdline() for name in WORKERS)
    return False


def contents(lake: Path) -> dict[str, Any]:
    """The reproducible part of every manifest, hashes of all files included."""
    return {f"{m.kind}/{m.digest}": m.content() for m in Lake(lake).list()}


def at_work(lake: Path) -> set[str]:
    """The artifacts that are being made, as `<kind>-<digest16>`."""
    with contextlib.suppress(FileNotFoundError):
        return {"-".join(p.name.split("-")[:2]) for p in (lake / ".staging").iterdir()}
    return set()


def leftovers(lake: Path) -> list[str]:
    """What a finished lake must not hold; processes that are just dying get a while for it."""
    folders = [lake / name for name in (".staging", ".scratch", LOCKS)]
    until = time.monotonic() + DYING_SECONDS
    while True:
        Lake(lake).collect_garbage()  # of the killed ones that nobody came after
        left = [str(p) for folder in folders if folder.is_dir() for p in folder.iterdir()]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.2)


def lap(
    number: int,
    flows: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    rng: random.Random,
    most: int,
    settings: Sequence[str] = (),
) -> list[Kill]:
    """From an empty lake to a finished one, with so many kills at most."""
    lake = folder / "lake"
    runs = [Run(flow, lake, environment, folder / f"{flow}.log", settings) for flow in flows]
    for run in runs:
        run.start()
    kills: list[Kill] = []
    deck = list(HOW)  # each kind once, then so that ten kills are of each as often as HOW says
    disturbed: collections.Counter[str] = collections.Counter()
    before: set[str] = set()  # what was left lying there when the last kill came
    changed_at = time.monotonic()
    try:
        while unfinished := [run for run in runs if not run.is_done]:
            now = at_work(lake)
            if now != before:
                before, changed_at = now, time.monotonic()
            assert time.monotonic() - changed_at < PATIENCE_SECONDS, f"hangs at {sorted(now)}"
            fresh = sorted(name for name in now if disturbed[name] < DISTURBED)
            if not fresh or len(kills) == most:
                time.sleep(0.02)
                continue
            deck = deck or [how for how, times in HOW.items() for _ in range(times)]
            how = rng.choice(deck)
            delay = rng.uniform(0, MAX_DELAY_SECONDS)
            victim = rng.choice(unfinished)
            time.sleep(delay)
            disturbed.update(fresh)
            if victim.kill(how, rng):
                deck.remove(how)
                beside = " ".join(run.flow for run in runs if run is not victim)
                kills.append(Kill(number, how, victim.flow, beside, " ".join(fresh), delay))
    finally:
        for run in runs:
            run.kill("everything", rng)
    return kills


def check(lake: Path, expected: dict[str, Any]) -> None:
    """The same bytes, and nothing besides."""
    assert contents(lake) == expected, "other bytes than undisturbed"
    opened = Lake(lake)
    assert all(opened.is_whole(m.kind, m.digest, deep=True) for m in opened.list())
    left = leftovers(lake)
    assert not left, f"left behind: {left}"


@contextlib.contextmanager
def server() -> Iterator[dict[str, str]]:
    """The environment of commands that share a Prefect server, which knows nothing yet."""
    with tempfile.TemporaryDirectory(prefix="crawl2chat-campaign-") as home:
        os.environ |= {"PREFECT_HOME": home, "DO_NOT_TRACK": "1"}
        os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
        from flows.runner.server import api_server

        with api_server() as api:
            api.wait()
            yield {**os.environ, "PREFECT_API_URL": api.url}


def table(kills: Sequence[Kill]) -> str:
    """Kills by the kind of artifact that was being made, and by how."""
    counts = collections.Counter(
        (name.split("-")[0], kill.how) for kill in kills for name in kill.artifact.split()
    )
    kinds = sorted({kind for kind, _ in counts})
    lines = [f"{'at work on':22}" + "".join(f"{how:>12}" for how in HOW)]
    lines += [f"{kind:22}" + "".join(f"{counts[kind, how]:12}" for how in HOW) for kind in kinds]
    return "\n".join(lines)


def main() -> None:
    """See the module's head."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    kills: list[Kill] = []
    with server() as environment, tempfile.TemporaryDirectory(prefix="campaign-") as place:
        calm = Path(place) / "calm"
        calm.mkdir()
        lap(0, ["crawl-to-chat"], calm, environment, rng, 0, QUICK)
        expected = contents(calm / "lake")
        number = 0
        while len(kills) < chosen.kills:
            number += 1
            folder = Path(place) / str(number)
            folder.mkdir()
            pair = number % PAIRS == 1
            flows = ["crawl-to-chat", "corpus"] if pair else ["crawl-to-chat"]
            began = time.monotonic()
            left = chosen.kills - len(kills)
            made = lap(number, flows, folder, environment, rng, left, QUICK)
            check(folder / "lake", expected)
            kills += made
            seconds = time.monotonic() - began
            print(
                f"lap {number} ({' beside '.join(flows)}): {len(made)} kills, {seconds:.0f} s,"
                f" {len(expected)} artifacts, the same bytes",
                flush=True,
            )
    print(table(kills))
    print(f"{len(kills)} kills in {number} laps: every lake byte for byte as the undisturbed one")


if __name__ == "__main__":
    main()
