"""SIGKILL to the token stage and to the processes that encode for it: the same bytes in the end."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from toy_artifacts import PostTraining
from worker_process import start_worker

from pipeline.config import to_dict
from pipeline.stage import SILENT
from pipeline.tokenizer import tokens
from pipeline.tokenizer.config import TokensConfig
from storage.schemas import CORPUS
from storage.tables import read_table, table, write_tables

ROOT = Path(__file__).resolve().parents[2]
TIMES = 40  # the toy's pages, again and again: some seconds of work
CONFIG = TokensConfig(max_tokens_per_shard=25_000, batch_documents=200)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Run:
    """The stage in a worker process, as a task would start it."""

    def __init__(self, corpus: Path, tokenizer: Path, root: Path) -> None:
        self.inputs = {"corpus": [str(corpus)], "tokenizer": [str(tokenizer)]}
        self.root, self.out, self.scratch = root, root / "out", root / "scratch"
        for folder in (root, self.out, self.scratch):
            folder.mkdir()

    def start(self) -> subprocess.Popen[str]:
        spec = {
            "kind": "tokens",
            "entry": "eager_tokens:build",
            "out": str(self.out),
            "inputs": self.inputs,
            "config": to_dict(CONFIG),
            "scratch": str(self.scratch),
            "processes": 1,
        }
        return start_worker(self.root, spec, PYTHONPATH=str(ROOT / "tests" / "helpers"))

    def finish(self, process: subprocess.Popen[str]) -> list[dict[str, Any]]:
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        return [json.loads(line) for line in stdout.splitlines()]

    @property
    def whole(self) -> dict[str, int]:
        """Shards and when they were made."""
        return {p.name: p.stat().st_mtime_ns for p in self.scratch.glob("[tv]*-?????")}

    @property
    def is_writing(self) -> bool:
        return any(self.scratch.glob("unfinished-*"))


@pytest.fixture(scope="module")
def corpus(post_training: PostTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rows = read_table(post_training.corpus / "corpus-en.parquet").to_pylist()
    tables = (
        table([{**row, "id": f"{n:04x}{row['id'][4:]}"} for row in rows], CORPUS)
        for n in range(TIMES)
    )
    write_tables(tables, CORPUS, folder / "corpus-en.parquet", group_rows=700)
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    corpus: Path, post_training: PostTraining, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], tokens.TokensStatistics | None]:
    root = tmp_path_factory.mktemp("undisturbed")
    out, scratch = root / "out", root / "scratch"
    out.mkdir()
    scratch.mkdir()
    inputs: tokens.TokensInputs = {"corpus": [corpus], "tokenizer": [post_training.tokenizer]}
    statistics = tokens.build(out, inputs, CONFIG, SILENT, scratch)
    return contents(out), statistics


def test_killed_while_it_writes_and_between_it_goes_on(
    corpus, post_training, undisturbed, tmp_path
):
    run = Run(corpus, post_training.tokenizer, tmp_path / "killed")
    kept: dict[str, int] = {}
    for goal, writing in ((1, True), (4, False), (8, True)):
        process = run.start()
        while process.poll() is None and len(run.whole) < goal:
            time.sleep(0.0005)
        while writing and process.poll() is None and not run.is_writing:
            pass
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        _, stderr = process.communicate()
        assert process.returncode == -signal.SIGKILL, stderr
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive  # who encodes dies with it
        assert kept.items() <= run.whole.items()  # nothing whole was made again
        kept = run.whole
        assert not list(run.out.iterdir())
    events = run.finish(run.start())
    expected, statistics = undisturbed
    assert len(expected) > len(kept) + 4  # there was something left to do
    assert f"{len(kept)} of an earlier run are whole" in events[0]["text"]
    assert (events[-1]["event"], events[-1]["statistics"]) == ("done", statistics)
    assert kept.items() <= run.whole.items()
    assert contents(run.out) == expected


def test_a_killed_encoder_is_replaced(corpus, post_training, undisturbed, tmp_path):
    run = Run(corpus, post_training.tokenizer, tmp_path / "killed")
    process = run.start()
    victims = 0
    for goal in (1, 5):
        while process.poll() is None and len(run.whole) < goal:
            time.sleep(0.001)
        encoders = [
            child
            for child in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        encoders[0].kill()
        victims += 1
    events = run.finish(process)
    assert victims == 2
    assert events[-1]["event"] == "done"
    assert contents(run.out) == undisturbed[0]
