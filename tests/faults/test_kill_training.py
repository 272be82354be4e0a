"""Training stages in worker processes that are killed, hang, or find the disk full.

Kills fall into the writing of a checkpoint and between two of them; what comes out in the end is
byte for byte what an undisturbed run makes.
"""

import contextlib
import io
import json
import logging
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from checkpoints import newest
from event_files import scalars
from toy_artifacts import PostTraining
from worker_process import start_worker

from flows.config_tables import LoggingConfig
from flows.runner import progress as event_relay
from flows.runner import ui
from flows.runner.curves import About, begin
from flows.runner.events import LiveEvent
from flows.runner.workers import WorkerKilled, run_worker
from pipeline.config import to_dict
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.sft import train as sft
from pipeline.sft.config import SftConfig
from pipeline.stage import SILENT, Progress, Stage
from pipeline.training import checkpoint, pretrain
from pipeline.training.config import LoopConfig, ModelShape, PretrainConfig
from pipeline.worker.spec import BuildSpec
from storage.durable import DiskFull
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261121
LOOP = LoopConfig(
    steps=80, rows_per_step=6, warmup_steps=3, validate_every=40, checkpoint_seconds=0.0
)
PLACE: dict[str, Any] = {"precision": "float32", "threads": 1, "device": "cpu"}
SHAPE = ModelShape(layers=2, width=48, heads=2, kv_heads=2, head_dim=16, ffn_width=128, context=64)
STAGES: dict[str, tuple[Stage[Any], PretrainConfig | SftConfig | RlConfig, tuple[str, ...]]] = {
    "base": (pretrain.STAGE, PretrainConfig(SHAPE, LOOP, **PLACE), ("tokens", "tokenizer")),
    "sft": (sft.STAGE, SftConfig(loop=LOOP, **PLACE), ("base", "conversations", "tokens")),
    "rl": (
        rl.STAGE,
        RlConfig(
            steps=24,
            prompts_per_step=4,
            answers_per_prompt=4,
            max_new_tokens=12,
            tasks=("sum:1=1",),
            checkpoint_seconds=0.0,
            **PLACE,
        ),
        ("sft",),
    ),
}
# Answers that call the calculator, of a model that learned to.
STAGES["rl with tools"] = (
    rl.STAGE,
    RlConfig(
        steps=16,
        prompts_per_step=2,
        answers_per_prompt=4,
        max_new_tokens=60,
        temperature=0.5,
        tasks=("sum:1=1",),
        tools=("calculator",),
        checkpoint_seconds=0.0,
        **PLACE,
    ),
    ("sft",),
)


class Bench:
    """One stage, its inputs and its folders."""

    def __init__(self, kind: str, made: PostTraining, root: Path, chat: Path | None = None) -> None:
        self.stage, self.config, names = STAGES[kind]
        places = {"sft": chat or made.chat}
        self.inputs = {n: [places[n] if n in places else getattr(made, n)] for n in names}
        self.out, self.scratch, self.root = root / "out", root / "scratch", root
        for folder in (self.out, self.scratch):
            folder.mkdir(parents=True)

    def here(self, progress: Progress = SILENT) -> dict:
        statistics = self.stage.build(
            out=self.out,
            inputs=self.inputs,
            config=self.config,
            progress=progress,
            scratch=self.scratch,
        )
        assert statistics is not None
        return statistics

    def spec(self, entry: str = "") -> BuildSpec:
        return {
            "kind": self.stage.kind,
            "entry": entry or self.stage.entry,
            "preload": "",
            "out": str(self.out),
            "inputs": {name: [str(path) for path in paths] for name, paths in self.inputs.items()},
            "config": to_dict(self.config),
            "scratch": str(self.scratch),
            "processes": 1,
        }

    def start(self) -> subprocess.Popen[str]:
        return start_worker(self.root, self.spec())

    @property
    def newest(self) -> int:
        return max(checkpoint.steps(self.scratch), default=0)

    @property
    def is_writing(self) -> bool:
        return any(self.scratch.glob("*.part"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but what a clock saw."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if "provenance" not in path.parts
    }


def events(process: subprocess.Popen[str]) -> list[dict]:
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    return [json.loads(line) for line in stdout.splitlines()]


@pytest.mark.parametrize(
    ("kind", "kills"), [("base", ["writing", "between"]), ("sft", ["writing"]), ("rl", ["between"])]
)
def test_killed_while_it_writes_and_between_it_ends_in_the_same_bytes(
    kind, kills, post_training, tmp_path
):
    whole = Bench(kind, post_training, tmp_path / "whole")
    statistics = whole.here()
    killed = Bench(kind, post_training, tmp_path / "killed")
    rng = random.Random(SEED)
    resumed_from = []
    for goal, moment in zip((2, rng.randint(10, 25)), kills):
        process = killed.start()
        while process.poll() is None and killed.newest < goal:
            time.sleep(0.0005)
        if moment == "between":
            time.sleep(rng.random() * 0.03)
        while moment == "writing" and process.poll() is None and not killed.is_writing:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not list(killed.out.iterdir())
        resumed_from.append(killed.newest)
    lines = events(killed.start())
    notes = [event["text"] for event in lines if event["event"] == "note"]
    assert any(f": resumed at step {resumed_from[-1]} of " in note for note in notes)
    assert (lines[-1]["event"], lines[-1]["statistics"]) == ("done", statistics)
    assert contents(killed.out) == contents(whole.out)


def test_answers_that_call_tools_are_the_same_after_a_kill(post_training, tool_model, tmp_path):
    whole = Bench("rl with tools", post_training, tmp_path / "whole", tool_model)
    statistics = whole.here()
    killed = Bench("rl with tools", post_training, tmp_path / "killed", tool_model)
    process = killed.start()
    while process.poll() is None and killed.newest < 3:
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    lines = events(killed.start())
    assert (lines[-1]["event"], lines[-1]["statistics"]) == ("done", statistics)
    assert contents(killed.out) == contents(whole.out)
    rows = read_table(whole.out / "rollouts.parquet").to_pylist()
    assert sum("<tool_response>" in row["completion"] for row in rows) > 10


def test_a_hang_is_ended_told_and_made_good(post_training, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "helpers"))
    whole = Bench("base", post_training, tmp_path / "whole")
    hung = Bench("base", post_training, tmp_path / "hung")
    for bench in (whole, hung):
        loop = LoopConfig(**{**vars(LOOP), "watchdog_seconds": 5.0})
        bench.config = PretrainConfig(SHAPE, loop, **PLACE)
    whole.here()
    log: list[str] = []
    spec = hung.spec("hanging:build")
    with pytest.raises(WorkerKilled, match=r"base: .* SIGALRM .*watchdog"):
        run_worker(spec, hung.root, "lake", lambda event: None, log.append)
    assert any("in batch_that_never_comes" in line for line in log)
    told: list[LiveEvent] = []
    run_worker(spec, hung.root, "lake", told.append, log.append)
    assert any(e["event"] == "note" and ": resumed at step" in e["text"] for e in told)
    assert contents(hung.out) == contents(whole.out)


def kill_children() -> None:
    """The builds: forks of hosts, and torchrun."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            is_host = "pipeline.worker.host" in child.cmdline()
            for build in child.children() if is_host else [child]:
                build.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    ("kind", "kill_after", "processes"),
    [("base", 21, 1), ("sft", 21, 1), ("rl", 9, 1), ("base", 21, 2)],
)
def test_live_curves_of_a_killed_run_hold_each_step_once_as_the_tables_do(
    kind, kill_after, processes, post_training, tmp_path, monkeypatch
):
    """Two tries of one run, the first of which got further than its last checkpoint."""
    monkeypatch.setattr(event_relay, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(ui, "attempt", lambda request: None)  # no server runs
    bench = Bench(kind, post_training, tmp_path)
    spec: BuildSpec = {**bench.spec(), "processes": processes}
    about = About("a-run", "title", {}, "project", tmp_path / "runs" / "a-run")
    tries: list[list[LiveEvent]] = []

    def follow(kill_after: int | None = None) -> None:
        events: list[LiveEvent] = []
        tries.append(events)
        told = event_relay.Relay(kind, "title", begin(LoggingConfig(), about))

        def on_event(event: LiveEvent) -> None:
            events.append(event)
            told.event(event)
            if event["event"] == "metric" and event["step"] == kill_after:
                kill_children()

        try:
            run_worker(spec, bench.root, "lake", on_event, lambda line: None)
        except BaseException as error:
            told.failed(error, is_transient=True)
            raise
        told.done(1.0)

    with pytest.raises(WorkerKilled):
        follow(kill_after)
    first = [step for step, _ in scalars(about.folder)]
    assert first[:kill_after] == [*range(1, kill_after + 1)]
    follow()
    again = [event for event in tries[1] if event["event"] == "metric" and event.get("past")]
    assert again  # resumed, not begun anew
    metrics = read_table(bench.out / "metrics.parquet").to_pylist()
    timing = read_table(bench.out / "provenance" / "timing.parquet").to_pylist()
    expected = [
        (row["step"], {k: v for k, v in (row | clock).items() if is_figure(k, v)})
        for row, clock in zip(metrics, timing, strict=True)
    ]
    found = scalars(about.folder)
    assert [step for step, _ in found] == [step for step, _ in expected]
    for (_, said), (_, row) in zip(found, expected):
        assert said == pytest.approx(row, rel=1e-6)
    assert any("validation_bits_per_byte" in row for _, row in found) == (kind != "rl")


def is_figure(name: str, value: object) -> bool:
    return name != "step" and isinstance(value, int | float)


def fill(disk: Path, left: int) -> None:
    """All of it but `left` bytes."""
    free = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - left)))


def test_no_room_for_checkpoints_costs_nothing_but_them(
    small_disk,
    post_training,
    tmp_path,
):
    whole = Bench("base", post_training, tmp_path / "whole")
    statistics = whole.here()
    size = max(path.stat().st_size for path in whole.scratch.iterdir())
    full = Bench("base", post_training, tmp_path / "full")
    full.scratch = small_disk / "scratch"
    full.scratch.mkdir()
    fill(small_disk, left=size + size // 2)  # one fits beside nothing
    stream = io.StringIO()
    assert full.here(Progress(stream)) == statistics
    assert contents(full.out) == contents(whole.out)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len([e for e in told if "disk full: no checkpoint" in e.get("text", "")]) == 1
    assert newest(full.scratch).step == 0
    assert not list(full.scratch.glob("*.part"))


def test_no_room_for_the_model_is_one_clear_line(small_disk, post_training, tmp_path):
    full = Bench("base", post_training, small_disk)
    full.root = tmp_path
    fill(small_disk, left=60_000)
    with pytest.raises(DiskFull) as caught:
        run_worker(full.spec(), tmp_path, "the lake", lambda event: None, lambda line: None)
    assert "\n" not in str(caught.value)
    assert "disk full: the lake" in str(caught.value)
