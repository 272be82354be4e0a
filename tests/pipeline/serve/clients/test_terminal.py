"""`crawl2chat chat` and `complete` with `--url`: what the model says here it says there."""

import json
from pathlib import Path
from typing import Any

import pytest
from serve_process import ServeProcess, serve_process
from tool_model import tool_model  # noqa: F401

from flows.cli import main

ASKED = "What is 3 + 4?"


@pytest.fixture
def both(
    server: ServeProcess,
    tool_model: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Runs a command with the model here and there; gives both documents."""

    def run(*line: str) -> list[Any]:
        found = []
        for where in (["--model", str(tool_model)], ["--url", server.root]):
            assert main([*line, *where, "--lake", str(tmp_path), "--json"]) == 0
            found.append(json.loads(capsys.readouterr().out))
        return found

    return run


def test_pages_and_their_steps(both: Any) -> None:
    """The same draws, too: temperature, cut and seed are the request's."""
    line = ["complete", "What is", "--max-tokens", "20", "--seed", "3", "--top-k", "40"]
    here, there = both(*line)
    assert here == there
    here, there = both(*line, "--top", "3")
    assert there["completion"] == here["completion"]
    assert len(there["steps"]) >= 10
    for mine, theirs in zip(here["steps"], there["steps"]):
        assert theirs["text"] == mine["text"]
        assert theirs["probability"] == pytest.approx(mine["probability"], abs=1e-6)
        likely = [[choice["text"] for choice in step["likely"]] for step in (mine, theirs)]
        assert likely[0] == likely[1]


def test_conversations_and_tools(both: Any) -> None:
    said = ["--message", ASKED, "--message", "Hello!", "--temperature", "0.9", "--seed", "2"]
    here, there = both("chat", *said, "--system", "Be brief.")
    assert here == there
    here, there = both("chat", "--message", ASKED, "--tools", "calculator", "--max-tokens", "60")
    assert here == there
    assert here[0]["calls"][0]["name"] == "calculator"


def test_what_the_servers_own_tools_do_is_shown(
    tool_model: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve_process("--model", tool_model, "--tools", "calculator") as server:
        assert main(["chat", "--url", server.url, "--message", ASKED, "--temperature", "0"]) == 0
    shown = capsys.readouterr().out
    assert '\n  [calculator {"expression":' in shown
    assert "\n  [= " in shown


def test_mistakes_are_one_line(server: ServeProcess, capsys: pytest.CaptureFixture[str]) -> None:
    for line, words in (
        (["complete", "x", "--model", "nobody"], "404: the model 'nobody' does not exist"),
        (["complete", "word " * 500], "400: prompt: "),
        (["chat", "--message", "word " * 500], "400: "),
    ):
        assert main([*line, "--url", server.url]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
