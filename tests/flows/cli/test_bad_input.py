"""A user's mistake, through the command line: one clear line, exit 2, nothing half made.

In a process of its own where a run begins or its first words matter; what is refused before that
is said by a call in this one.
"""

import gzip
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import Lake, catalog

PAGES = 12


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    """A sound WARC file of a dozen pages, each a gzip member of its own."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    path = tmp_path / "sound.warc.gz"
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for number in range(PAGES):
            text = f"Page {number} is about the number {number}. It says so at some length. " * 40
            body = f"<html><body><article><p>{text}</p></article></body></html>".encode()
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            url = f"https://example.com/{number}"
            record = writer.create_warc_record(url, "response", io.BytesIO(body), http_headers=head)
            writer.write_record(record)
    return path


def refused(done: subprocess.CompletedProcess[str], words: str, code: int = 2) -> None:
    """One line that says it, and the right exit code."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("crawl2chat: ")
    assert words in lines[0]
    assert done.stdout == ""


def run_corpus(cli: Any, lake: Path, *more: Any) -> subprocess.CompletedProcess[str]:
    done = cli("run", "corpus", "--preset", "ci", "--lake", lake, *more)
    assert isinstance(done, subprocess.CompletedProcess)
    return done


def test_sql_that_leads_out_of_the_lake(in_process: Any, tmp_path: Path) -> None:
    lake, target = tmp_path / "lake", tmp_path / "heads.json"
    target.write_text("mine")
    refused(
        in_process("sql", f"COPY (SELECT 1) TO '{target}'", "--lake", lake), "COPY is not allowed"
    )
    inside = f"WITH x AS (COPY (SELECT 1) TO '{target}') FROM x"
    refused(in_process("sql", inside, "--lake", lake), "--unsafe")
    refused(in_process("sql", "FROM read_text('/etc/passwd')", "--lake", lake), "/etc/passwd")
    assert target.read_text() == "mine"
    done = in_process(
        "sql", f"COPY (SELECT 1 AS n) TO '{target}'", "--lake", lake, "--unsafe", "--json"
    )
    assert json.loads(done.stdout) == [{"Count": 1}]
    assert target.read_text() != "mine"


def test_a_missing_path(cli: Any, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    refused(run_corpus(cli, lake, "--input", tmp_path / "no.warc.gz"), "no such file or folder")
    assert not lake.exists()


def test_an_empty_glob(in_process: Any, tmp_path: Path) -> None:
    refused(run_corpus(in_process, tmp_path / "lake", "--input", tmp_path / "*.warc.gz"), "matches")


def test_a_file_that_is_no_warc(cli: Any, tmp_path: Path, warc: Path) -> None:
    letter = tmp_path / "letter.warc.gz"
    letter.write_bytes(gzip.compress(b"Dear Sir or Madam, this is no web archive.\n" * 50))
    lake = tmp_path / "lake"
    done = run_corpus(cli, lake, "--input", letter)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"crawl2chat: {letter} is no WARC file")
    assert "Traceback" not in done.stderr
    assert Lake(lake).list() == []


def test_unknown_names(in_process: Any, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    refused(in_process("run", "corpus", "--preset", "huge", "--lake", lake), "one of ci, cpu, demo")
    refused(run_corpus(in_process, lake, "--set", "rl.stepz=3"), "unknown key 'rl.stepz'")
    refused(run_corpus(in_process, lake, "--set", "rl.steps=many"), "no whole number")
    refused(in_process("chat", "--message", "Hi", "--lake", lake), "no rl model in lake")
    refused(in_process("explain", "https://example.com/", "--lake", lake), "no corpus in lake")
    refused(in_process("tokens", "Hi", "--lake", lake), "no tokenizer in lake")
    refused(in_process("eval", "--lake", lake), "run a flow first")
    unknown = in_process("run", "nonsense", "--lake", lake)
    assert unknown.returncode == 2
    assert "Traceback" not in unknown.stderr


def test_a_lake_that_is_a_file(in_process: Any, tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_text("not a folder")
    refused(run_corpus(in_process, path), "is a file, not a folder")


@pytest.mark.parametrize("file", ["heads.json", "manifest.json"])
def test_a_lake_of_a_newer_version(cli: Any, ci_run: Any, tmp_path: Path, file: str) -> None:
    lake = Path(shutil.copytree(ci_run.lake, tmp_path / "lake"))
    path = lake / file if file == "heads.json" else next((lake / "corpus").glob("*/manifest.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    done = run_corpus(cli, lake)
    assert done.returncode == 2
    assert "newer version" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    refused(cli("sql", "SELECT count(*) FROM corpus", "--lake", lake), "newer version")


def test_truncated_and_broken_files_are_counted_and_the_run_goes_on(
    cli: Any, tmp_path: Path, warc: Path
) -> None:
    """Two files in one run: one ends too soon, in the other forty bytes are gone."""
    data = warc.read_bytes()
    warc.unlink()
    cut, holed = tmp_path / "cut.warc.gz", tmp_path / "holed.warc.gz"
    cut.write_bytes(data[: len(data) - 100])
    middle = len(data) // 2
    holed.write_bytes(data[:middle] + bytes(40) + data[middle + 40 :])
    lake = tmp_path / "lake"
    assert run_corpus(cli, lake, "--input", cut, "--input", holed).returncode == 0
    ledger = catalog.query(Lake(lake), "SELECT warc, outcome, rule, url FROM ledger").to_pylist()
    assert {Path(row["warc"]).name for row in ledger} == {cut.name, holed.name}
    of_cut = [row for row in ledger if Path(row["warc"]).name == cut.name]
    assert len(of_cut) == PAGES
    assert [row["rule"] for row in of_cut if row["outcome"] == "error"] == ["truncated_gzip"]
    of_holed = [row for row in ledger if Path(row["warc"]).name == holed.name]
    assert any(row["outcome"] == "error" for row in of_holed)
    assert f"https://example.com/{PAGES - 1}" in {row["url"] for row in of_holed}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if done.returncode != 0:
        pytest.skip(f"can't mount a tmpfs here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(cli: Any, small_disk: Path) -> None:
    done = run_corpus(cli, small_disk / "lake")
    assert done.returncode == 1
    assert "disk full" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    lake = Lake(small_disk / "lake")
    assert all(lake.is_whole(m.kind, m.digest, deep=True) for m in lake.list())
    assert not list((small_disk / "lake" / ".staging").iterdir())


def test_models_and_conversations_that_are_not_there(in_process: Any, tmp_path: Path) -> None:
    """Said before a server starts or a page is read."""
    lake, gone = tmp_path / "lake", tmp_path / "gone"
    for setting, words in (
        (f'input.conversations=["{gone}.jsonl"]', "input.conversations: no file at"),
        (f'input.base="{gone}"', "input.base: no model at"),
        ('imported_conversations.formats=["csv"]', "imported_conversations.formats: csv"),
        ('sft.mixture=["facts"]', "sft.mixture: 'facts': write SOURCE=NUMBER"),
    ):
        command = ("run", "sft", "--preset", "ci", "--lake", lake, "--set", setting)
        refused(in_process(*command), words)
        assert not lake.exists()
