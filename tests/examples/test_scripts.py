"""Each script of examples/ runs on a finished lake of preset ci and says what it promises."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_SECONDS

from pipeline.model import Transformer, load
from pipeline.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MOST_LINES = 60


def run(script: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_they_are_short_and_all_are_run_here() -> None:
    # one_file.py is longer, and has tests of its own
    scripts = sorted({*EXAMPLES.glob("*.py")} - {EXAMPLES / "one_file.py"})
    assert len(scripts) == 5
    here = Path(__file__).read_text()
    for script in scripts:
        assert len(script.read_text().splitlines()) <= MOST_LINES, script.name
        assert f'run("{script.name}"' in here, script.name


def test_query_the_lake(ci_run: Any) -> None:
    said = run("query_the_lake.py", ci_run.lake)
    blocks = [block.splitlines() for block in said.strip().split("\n\n")]
    assert len(blocks) == 6
    assert [lines[0] for lines in blocks if len(lines) < 2] == []  # each question has an answer
    assert "stage dedup, rule exact" in said
    said = run("query_the_lake.py", ci_run.lake, "SELECT count(*) AS pages FROM documents")
    assert int(said.split()[-1]) > 50


@pytest.mark.parametrize(("threshold", "all_go"), [("0", True), ("1", False)])
def test_add_a_filter(ci_run: Any, threshold: str, all_go: bool) -> None:
    gone, total = run("add_a_filter.py", ci_run.lake, threshold).split(" pages")[0].split(" of ")
    assert int(total) > 50
    assert int(gone) > int(total) / 4 if all_go else int(gone) == 0


def test_train_on_your_text(tmp_path: Path) -> None:
    pages = [page for page in sorted((ROOT / "docs").glob("*.md")) if page.stat().st_size < 9_000]
    out = tmp_path / "model"
    said = run("train_on_your_text.py", *pages, "--out", out, "--steps", "3", "--vocabulary", "320")
    assert 0.5 < float(said.split()[-1]) < 12  # bits per byte
    model, tokenizer = _load(out / "base")
    assert tokenizer.vocab_size == model.config.vocab_size == 320


def test_too_few_files_are_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one file")
    with pytest.raises(AssertionError, match="every tenth is held out"):
        run("train_on_your_text.py", tmp_path / "a.txt", "--out", tmp_path / "model")


def test_talk_to_the_engine(ci_run: Any) -> None:
    said = run("talk_to_the_engine.py", ci_run.lake, "Who are you?")
    assert said.startswith("you> Who are you?\n")
    assert "sixteen times" in said
    assert said.count(" bits for ") == 2


def test_export_a_model(ci_run: Any, tmp_path: Path) -> None:
    said = run("export_a_model.py", ci_run.lake, "sft", tmp_path / "out")
    lines = said.splitlines()
    assert len(lines) == 5
    assert "0.00e+00      100.00%" in lines[1]  # float32 is the model itself
    model, _ = _load(tmp_path / "out" / "crawl2chat-sft-f32")
    assert model.config.vocab_size > 512


def _load(folder: Path) -> tuple[Transformer, Tokenizer]:
    return load(folder)
