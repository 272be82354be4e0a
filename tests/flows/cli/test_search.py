"""`crawl2chat search`, and `chat --tools search`: what the lake's newest index finds."""

import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from search_corpora import write_corpus, write_index
from toy_artifacts import post_training, toy_names  # noqa: F401

from flows.cli import main
from pipeline.chat.conversation import Conversation
from pipeline.tools import tool_turns
from pipeline.tools.search_index import FILE, STAGE
from pipeline.tools.toolbox import Toolbox
from storage import Lake
from storage.digest import artifact_digest

TEXTS = ["The fox sleeps.", "The \x1b[31m owl \x1b[0m wakes.\nAt night.", "猫は寝る。"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with an index, as a run leaves it."""
    lake = Lake(tmp_path / "lake")
    digest = artifact_digest(STAGE.kind, STAGE.version, {}, {})
    staging = lake.staging(STAGE.kind, digest)
    write_index(tmp_path / "index", write_corpus(tmp_path / "corpus", TEXTS))
    (tmp_path / "index" / FILE).rename(staging / FILE)
    lake.commit(staging, STAGE.kind, digest, STAGE.version, {}, {}, {}, {"seconds": 1.0})
    lake.set_heads({STAGE.kind: digest})
    return lake


def test_passages_with_their_pages(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "who sleeps?", "--lake", lake.url]) == 0
    head, text, *_ = capsys.readouterr().out.split("\n")
    assert head.startswith("[1] https://example.org/1  (")
    assert text == "The fox sleeps."
    assert main(["search", "THE", "--count", "1", "--json", "--lake", lake.url]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found.pop("score") > 0
    url = "https://example.org/1"
    expected = {"document": 1, "id": f"{1:032x}", "url": url, "passage": 1, "start": 0}
    assert found == {**expected, "text": "The fox sleeps."}
    assert main(["search", '" NEAR(', "--lake", lake.url]) == 0
    assert capsys.readouterr().out == "nothing found\n"
    assert main(["search", "zebra", "--json", "--lake", lake.url]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_no_page_commands_a_terminal(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["search", "owl wakes", "--lake", lake.url]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "The ␛[31m owl ␛[0m wakes.\nAt night." in shown


def test_bytes_that_are_no_text_are_harmless(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "fox \udcff", "--lake", lake.url]) == 0
    assert "The fox sleeps." in capsys.readouterr().out


@pytest.mark.parametrize("line", [["search", "x"], ["chat", "--tools", "search", "--message", "x"]])
def test_without_an_index_the_command_that_makes_it_is_named(
    line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line, "--lake", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"no search index in lake {tmp_path} yet: `crawl2chat run search-index`" in error


def test_a_damaged_index_is_one_line(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    path = lake.local(STAGE.kind, lake.heads()[STAGE.kind]) / FILE
    path.write_bytes(path.read_bytes()[:-100])
    assert main(["search", "x", "--lake", lake.url]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cut or grown" in error


def test_chat_has_it_where_it_is_named(
    lake: Lake,
    post_training: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:

    def turn(
        engine: Any, tokenizer: Any, talk: Any, toolbox: Toolbox, **_: Any
    ) -> Generator[str, None, Conversation]:
        (tool,) = toolbox.tools
        yield tool.call({"query": "fox"})
        return Conversation(tuple(talk))

    monkeypatch.setattr(tool_turns, "reply", turn)
    line = ["chat", "--model", str(post_training.chat), "--lake", lake.url, "--message", "Hi"]
    assert main([*line, "--tools", "search", "--json"]) == 0
    (exchange,) = json.loads(capsys.readouterr().out)
    assert exchange["assistant"] == "[1] The fox sleeps."
