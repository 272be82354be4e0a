"""kill -9 of the process that asks a teacher: what was answered is paid once, to the same bytes."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from teacher_server import KEY, Slip, TeacherServer, passage_of, said, teacher_server
from toy_artifacts import make_artifacts

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 20261129
REQUESTS = 40
PROGRAM = """
import json, shutil, sys
from pathlib import Path
from pipeline.config import from_dict
from pipeline.sft.teacher import stage
from pipeline.sft.teacher.config import TeacherConfig
from pipeline.stage import SILENT
given = json.loads(sys.argv[1])
out = Path(given["out"])
shutil.rmtree(out, ignore_errors=True)  # a stage begins with an empty folder
out.mkdir(parents=True)
inputs = {key: [Path(given[key])] for key in ("corpus", "tokenizer")}
config = from_dict(TeacherConfig, given["config"])
print("at work", flush=True)
print(json.dumps(stage.build(out, inputs, config, SILENT, out)), flush=True)
"""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = make_artifacts(tmp_path_factory.mktemp("artifacts"))
    return {"corpus": str(made.corpus), "tokenizer": str(made.tokenizer)}


@pytest.fixture
def server() -> Iterator[TeacherServer]:
    with teacher_server() as running:
        running.write = talk
        yield running


def talk(body: dict[str, Any]) -> str:
    draw = random.Random(passage_of(body))
    words = [draw.choice(("boat", "mill", "road", "tea", "hat", "bell", "oak")) for _ in range(12)]
    return said([("user", f"What of {words[0]}?"), ("assistant", " ".join(words[1:]) + ".")])


class Asking:
    """The process that asks, started again and again over the same cache."""

    def __init__(
        self, server: TeacherServer, artifacts: dict[str, str], folder: Path, connections: int
    ) -> None:
        self.cache, self.out = folder / "cache", folder / "out"
        endpoint = {"connections": connections, "tries": 2, "backoff_seconds": 0.01}
        settings = {"requests": REQUESTS, "model": "m", "max_tokens": 400, "endpoint": endpoint}
        given = {**artifacts, "out": str(self.out), "config": settings}
        self.command = [sys.executable, "-c", PROGRAM, json.dumps(given)]
        self.environment = {
            **os.environ,
            "CRAWL2CHAT_CACHE": str(self.cache),
            "CRAWL2CHAT_TEACHER_URL": server.url,
            "CRAWL2CHAT_TEACHER_KEY": KEY,
        }

    def start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            self.command, cwd=REPOSITORY, env=self.environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"at work\n"
        return process

    def kept(self) -> set[str]:
        """The requests whose answers are on disk."""
        return {path.stem for path in self.cache.rglob("*.json")}

    def finish(self) -> dict[str, bytes]:
        """Let it come to its end; the tables."""
        done = subprocess.run(
            self.command,
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_bytes() for path in sorted(self.out.glob("*.parquet"))}


def test_what_was_answered_is_never_paid_again(
    server: TeacherServer, artifacts: dict[str, str], tmp_path: Path
) -> None:
    asking = Asking(server, artifacts, tmp_path, connections=1)
    answered = 0
    for more in (1, 7, 0, 19, 30):  # the last kill is among the judge's
        server.plan.extend([*[Slip()] * more, Slip(stall_after=-2)])
        wanted = len(server.seen) + more + 1
        with asking.start() as process:
            while len(server.seen) < wanted:  # it asks one after another: all before have come
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        answered += more
        assert server.billed.total() == answered == len(asking.kept())
    assert any(seen.is_judging for seen in server.seen)
    made = asking.finish()
    assert len(server.billed) == 2 * REQUESTS
    assert set(server.billed.values()) == {1}
    undisturbed = Asking(server, artifacts, tmp_path / "other", connections=1)
    assert undisturbed.finish() == made


def test_killed_at_any_moment(
    server: TeacherServer, artifacts: dict[str, str], tmp_path: Path
) -> None:
    connections, draw = 4, random.Random(SEED)
    server.always = Slip(delay=0.05)
    asking = Asking(server, artifacts, tmp_path, connections)
    kills = 0
    kept: list[tuple[set[str], int]] = []
    for _ in range(6):
        with asking.start() as process:
            time.sleep(draw.uniform(0.1, 0.5))
            kills += process.poll() is None
            process.kill()
        known, before = asking.kept(), len(server.seen)
        kept.append((known, before))
    made = asking.finish()
    assert kills >= 4
    for known, before in kept:
        assert known.isdisjoint(seen.idempotency for seen in server.seen[before:])
    # Only what was under way when it was killed is asked again.
    assert server.billed.total() <= 2 * REQUESTS + kills * connections
    assert not list(asking.cache.rglob("*.json.part"))
    server.always = Slip()
    assert Asking(server, artifacts, tmp_path / "other", connections=2).finish() == made
