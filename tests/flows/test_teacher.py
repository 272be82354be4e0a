"""The teacher's step in a real run: off by default, its key nowhere, its refusal one line."""

import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from teacher_server import KEY, TeacherServer, teacher_server

from flows import teacher
from flows.config import RunConfig, load
from flows.runner.flow_run import Run
from flows.runner.teacher_key import key_of, teacher_key
from flows.runner.work import Work
from pipeline.sft.teacher import stage
from storage import Lake
from storage.errors import UserError

ASKED = ("teacher.requests=30", "teacher.model=t", "teacher.max_tokens=192")


def settings(*changes: str) -> RunConfig:
    return load("ci", [*ASKED, *changes])


def test_off_by_default_nothing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CRAWL2CHAT_TEACHER_URL", raising=False)
    config = load("ci")
    teacher.check(config)
    assert teacher.conversations(Run(config, Lake(tmp_path / "lake")), {}) == {}


def test_without_an_address_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRAWL2CHAT_TEACHER_URL", raising=False)
    with pytest.raises(UserError, match=r"teacher: no endpoint: set CRAWL2CHAT_TEACHER_URL"):
        teacher.check(settings())
    teacher.check(settings('teacher.endpoint.base_url="https://host/v1"'))


def test_how_it_is_asked_changes_no_digest(tmp_path: Path) -> None:
    def work(*changes: str) -> Work:
        return Work(stage.STAGE, settings(*changes).teacher, {}, Lake(tmp_path / "lake"), "t")

    plain = work()
    for change in (
        'teacher.endpoint.base_url="https://host/v1"',
        "teacher.endpoint.key_block=mine",
        "teacher.endpoint.connections=1",
    ):
        assert work(change).digest == plain.digest
        assert work(change).config.endpoint != plain.config.endpoint  # it reaches the build
    assert "endpoint" not in plain.recipe
    assert work("teacher.temperature=0.5").digest != plain.digest


@pytest.mark.usefixtures("prefect")
class TestSecretBlocks:
    def test_the_key_is_in_the_environment_while_it_is_needed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from prefect.blocks.system import Secret

        block: Any = Secret(value=KEY)
        block.save("teacher-key-of-a-test", overwrite=True, _sync=True)
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", "before")
        with teacher_key("teacher-key-of-a-test"):
            assert os.environ["CRAWL2CHAT_TEACHER_KEY"] == KEY
        assert os.environ["CRAWL2CHAT_TEACHER_KEY"] == "before"
        monkeypatch.delenv("CRAWL2CHAT_TEACHER_KEY")
        with pytest.raises(KeyError), teacher_key("teacher-key-of-a-test"):
            raise KeyError
        assert "CRAWL2CHAT_TEACHER_KEY" not in os.environ

    def test_without_a_block_the_environment_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", "before")
        with teacher_key(""):
            assert os.environ["CRAWL2CHAT_TEACHER_KEY"] == "before"

    def test_a_block_that_is_not_there(self) -> None:
        with pytest.raises(UserError, match=r"Prefect has no Secret block 'no-such-block'"):
            key_of("no-such-block")

    def test_a_block_that_holds_no_text(self) -> None:
        from prefect.blocks.system import Secret

        block: Any = Secret(value={"a": 1})  # type: ignore[arg-type]
        block.save("no-text", overwrite=True, _sync=True)
        with pytest.raises(UserError, match="holds no text"):
            key_of("no-text")


def run_sft(cli: Any, server: TeacherServer, lake: Path, key: str, *changes: str) -> Any:
    environment = {
        **cli.environment,
        "CRAWL2CHAT_CACHE": str(lake.parent / "cache"),
        "CRAWL2CHAT_TEACHER_URL": server.url,
        "CRAWL2CHAT_TEACHER_KEY": key,
    }
    given = [item for change in (*ASKED, *changes) for item in ("--set", change)]
    return cli("run", "sft", "--preset", "ci", "--lake", str(lake), *given, env=environment)


def test_a_run_with_a_teacher(cli: Any, ci_run: Any, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(ci_run.lake, lake)
    with teacher_server() as server:
        refused = run_sft(cli, server, lake, "sk-another-planted-key-9876543210")
        assert refused.returncode == 2, refused.stderr[-4000:]
        assert len(server.seen) == 1
        line = refused.stderr.splitlines()[-1]  # those before are the retries' and the task's
        assert f"{server.url} refuses the key (401): set CRAWL2CHAT_TEACHER_KEY" in line
        assert "Traceback" not in refused.stderr
        done = run_sft(cli, server, lake, KEY)
        assert done.returncode == 0, done.stderr[-4000:]
        asked = len(server.seen)
        assert max(server.billed.values()) == 1
    opened = Lake(lake)
    manifest = opened.manifest("teacher", opened.heads()["teacher"])
    said = stage.STAGE.statistics_of(manifest)
    assert said["passages"] == 30 == said["conversations"] + sum(said["rejected"].values())
    assert said["conversations"] > 0
    assert said["requests"] == asked - 1
    assert "endpoint" not in manifest.recipe
    tuned = opened.manifest("sft", opened.heads()["sft"])
    assert manifest.digest in tuned.inputs["conversations"]
    counted = cli.json(
        "sql",
        "SELECT outcome, count(*) AS n FROM teacher_answers GROUP BY outcome ORDER BY outcome",
        "--lake",
        str(lake),
    )
    assert str(said["conversations"]) in str(counted)
    by_source = cli.json(
        "sql",
        "SELECT source, count(*) AS n FROM conversations GROUP BY source",
        "--lake",
        str(lake),
    )
    assert "teacher" in str(by_source)
    assert "facts" in str(by_source)
    _nothing_holds_a_key(tmp_path, refused.stdout + refused.stderr + done.stdout + done.stderr)


def _nothing_holds_a_key(folder: Path, said: str) -> None:
    left = {"what was said": said.encode()}
    for root in (folder, Path(os.environ["PREFECT_HOME"])):
        for path in root.rglob("*"):
            if path.is_file():
                left[str(path)] = path.read_bytes()
                if path.suffix == ".parquet":
                    left[str(path)] += str(pq.read_table(path).to_pydict()).encode()
    assert any(name.endswith(".db") for name in left), "Prefect's database is among it"
    assert any("/cache/teacher/" in name for name in left)
    for name, data in left.items():
        for key in (KEY, "sk-another-planted-key-9876543210"):
            assert key.encode() not in data, name
