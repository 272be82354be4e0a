"""`dumps`, and dumps as input: through the real command line, before any Prefect server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crawl_server import CrawlServer, Trouble, crawl_server
from toy_dump import NAME, toy_dump

REPOSITORY = Path(__file__).resolve().parents[3]
FILES, _ = toy_dump({f"https://site{n}.example/": "eng" for n in range(8)}, warcs=2)


@pytest.fixture
def server() -> Iterator[CrawlServer]:
    with crawl_server() as running:
        running.files.update(FILES)
        yield running


@pytest.fixture
def command(server: CrawlServer, tmp_path: Path) -> Any:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "CRAWL2CHAT_CRAWL_URL": server.url,
            "CRAWL2CHAT_CACHE": str(tmp_path / "cache"),
            "CRAWL2CHAT_LAKE": str(tmp_path / "lake"),
        }
        line = [sys.executable, "-m", "flows.cli", *arguments]
        return subprocess.run(line, cwd=REPOSITORY, env=environment, capture_output=True, text=True)

    return call


def test_the_dumps_and_the_files_of_one(command: Any) -> None:
    table = command("dumps")
    assert table.returncode == 0
    assert f"{NAME} " in table.stdout
    assert "2024-05-18" in table.stdout
    listed = json.loads(command("dumps", "--json").stdout)
    assert listed[0]["name"] == NAME
    warcs = command("dumps", NAME).stdout.splitlines()
    assert warcs == sorted(path for path in FILES if path.endswith(".warc.gz"))
    wets = json.loads(command("dumps", "CC-MAIN-latest", "--wet", "--json").stdout)
    assert wets == sorted(path for path in FILES if path.endswith(".warc.wet.gz"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dumps", "CC-MAIN-2031-01"], "no such dump"),
        (["run", "corpus", "--input", "CC-MAIN-2031-01"], f"the newest are {NAME}"),
        (["run", "corpus", "--input", NAME, "--wet", "--match", "*x*"], "--wet takes whole files"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(command: Any, arguments: list[str], words: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("crawl2chat: ")
    assert words in line
    assert done.stdout == ""


def test_a_server_that_stays_away_is_one_line_and_exit_1(command: Any, server: CrawlServer) -> None:
    server.always["collinfo.json"] = Trouble(status=503, retry_after="0")
    server.always["crawl-data/index.html"] = Trouble(status=503, retry_after="0")
    environment = ["--set", "download.tries=2"]
    done = command("run", "corpus", "--input", "CC-MAIN-latest", *environment)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "503" in line
