"""The pass as a datatrove step: the parts of the corpus flow, to the byte, and their Documents."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_SECONDS

from flows.runner.references import InputFile
from flows.runner.work import Work
from pipeline.corpus import datatrove_steps
from pipeline.corpus.config import SelectConfig
from pipeline.corpus.datatrove_steps import CorpusPass
from pipeline.extract.config import ExtractConfig
from pipeline.filters.url import UrlConfig
from pipeline.scan import stage as scan
from pipeline.scan.config import ScanConfig
from pipeline.stage import SILENT
from storage import Lake
from storage.digest import file_sha256
from storage.errors import UserError
from storage.tables import read_table

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIG = ScanConfig(url=UrlConfig(use_lists=False))
# Two tasks, each a process that datatrove spawns: what they need stands below the guard.
SCRIPT = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.writers import JsonlWriter
from pipeline.corpus.datatrove_steps import CorpusPass
from pipeline.filters.url import UrlConfig
from pipeline.scan.config import ScanConfig

if __name__ == "__main__":
    lake, out, logs, *paths = sys.argv[1:]
    step = CorpusPass(paths, lake, ScanConfig(url=UrlConfig(use_lists=False)))
    pipeline = [step, JsonlWriter(out, compression=None)]
    LocalPipelineExecutor(pipeline, tasks=2, logging_dir=logs).run()
"""


@pytest.fixture(scope="module")
def warcs(tmp_path_factory: Any, make_warc: Any, make_page: Any, prose: Any) -> list[Path]:
    folder = tmp_path_factory.mktemp("warcs")
    paths = [folder / f"toy-{number}.warc.gz" for number in range(3)]
    for path in paths:
        pages = [
            {"url": f"http://{n}.example/", "body": make_page(prose(f"{path.name} {n}"))}
            for n in range(4)
        ]
        short = {"url": "http://short.example/", "body": make_page("Words, few of them. " * 8)}
        gone = {"url": "http://gone.example/", "body": b"", "status": "404 Not Found"}
        make_warc(path, [*pages, short, gone])
    return paths


@pytest.fixture(scope="module")
def ran(warcs: list[Path], tmp_path_factory: Any) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The script, with two tasks: the folder of its lake, output and logs."""
    folder = tmp_path_factory.mktemp("datatrove")
    return folder, run_script(folder, warcs)


def run_script(folder: Path, warcs: list[Path]) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(SCRIPT)
    places = [folder / name for name in ("script.py", "lake", "out", "logs")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, *places, *warcs],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def documents(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.read_text().splitlines()]


def test_two_tasks_make_the_parts_of_the_flow(ran: Any, warcs: list[Path], tmp_path: Path) -> None:
    folder, done = ran
    assert done.returncode == 0, done.stderr[-4000:]
    lake = Lake(folder / "lake")
    assert len(lake.list()) == len(warcs)
    for path in warcs:
        file = InputFile(path, file_sha256(path))
        work = Work(scan.STAGE, CONFIG, {"warc": [file]}, lake, "")
        assert work.is_whole  # the flow finds it made
        manifest = lake.manifest("scan", work.digest)
        out = tmp_path / path.name
        out.mkdir()
        scratch = tmp_path / f"{path.name}.scratch"
        statistics = scan.build(out, {"warc": [path]}, CONFIG, SILENT, scratch)
        made = files(lake.local("scan", work.digest))
        del made["manifest.json"]
        assert made == files(out)
        assert manifest.statistics == statistics
        assert manifest.provenance["cpu_seconds"] > 0
    assert not list((folder / "lake" / ".staging").iterdir())


def test_documents_carry_all_that_was_measured(ran: Any) -> None:
    folder, _ = ran
    written = sorted((folder / "out").iterdir())
    assert [path.name for path in written] == ["00000.jsonl", "00001.jsonl"]
    # files in turn: 0 and 2 are the first task's
    given = [row for path in written for row in documents(path)]
    assert {row["metadata"]["warc"] for row in documents(written[1])} == {"toy-1.warc.gz"}
    lake = Lake(folder / "lake")
    stored: dict[str, dict[str, Any]] = {}
    for manifest in lake.list("scan"):
        pages = read_table(lake.local("scan", manifest.digest) / "pages.parquet")
        stored |= {row["id"]: row for row in pages.to_pylist()}
    assert {row["id"] for row in given} == stored.keys()
    for row in given:
        assert {"id": row["id"], "text": row["text"], **row["metadata"]} == stored[row["id"]]


def test_the_ledger_is_counted(ran: Any, warcs: list[Path]) -> None:
    folder, _ = ran
    stats = json.loads((folder / "logs" / "stats.json").read_text())[0]["stats"]
    assert stats["files"]["total"] == len(warcs)
    totals = {name: stat["total"] for name, stat in stats.items() if "/" in name or name == "kept"}
    assert sum(totals.values()) == stats["records"]["total"] == 6 * len(warcs)
    assert totals["dropped/read/http_status"] == len(warcs)


def test_a_task_that_starts_again_finds_its_parts_made(
    ran: Any, warcs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = ran
    lake = str(folder / "lake")
    before = [row["id"] for row in documents(folder / "out" / "00000.jsonl")]
    monkeypatch.setattr(scan, "build", None)
    given = list(CorpusPass(warcs, lake, CONFIG).run(None, rank=0, world_size=2))
    assert [document.id for document in given] == before
    assert run_script(folder, warcs).returncode == 0  # by datatrove's own completions


def test_a_selection_gives_what_its_filters_keep(ran: Any, warcs: list[Path]) -> None:
    folder, _ = ran
    step = CorpusPass(
        warcs, str(folder / "lake"), CONFIG, SelectConfig(filters=("gopher_quality",))
    )
    given = list(step.run(None, rank=0, world_size=1))
    assert given
    assert min(document.metadata["word_count"] for document in given) >= 50
    counts = step.stats.stats
    assert counts["not selected/gopher_quality/min_words"].total == len(warcs)
    assert counts["kept"].total - counts["not selected"].total == len(given)


def test_other_settings_are_other_parts(ran: Any, warcs: list[Path], tmp_path: Path) -> None:
    folder, _ = ran
    lake = Lake(folder / "lake")
    other = dataclasses.replace(CONFIG, extract=ExtractConfig(timeout_cpu_seconds=9.0))
    made = datatrove_steps.make_part(warcs[0], other, lake)
    assert lake.is_whole("scan", made.digest, deep=True)
    assert len(lake.list("scan")) == len(warcs) + 1


def test_what_cannot_be_done(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="learned"):
        CorpusPass([], str(tmp_path), selection=SelectConfig(filters=("learned",)))
    with pytest.raises(UserError, match="list of files"):
        CorpusPass("a.warc.gz", str(tmp_path))
    missing = tmp_path / "a.warc.gz"
    with pytest.raises(UserError, match="no such file on this node"):
        list(CorpusPass([missing], str(tmp_path / "lake"), CONFIG).run())
