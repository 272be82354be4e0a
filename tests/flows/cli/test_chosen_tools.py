"""The tools that a command line names: made once each, or one line that says what there is."""

import argparse
from pathlib import Path

import pytest

from flows.cli import main
from flows.cli.arguments import parser
from flows.cli.chosen_tools import chosen_tools, names_of
from flows.cli.serve import _config
from pipeline.chat.messages import ToolCall
from storage import Lake
from storage.errors import UserError


def test_names_count_once_in_their_order() -> None:
    assert names_of("python, calculator,python") == ("python", "calculator")
    with pytest.raises(UserError, match="no tool 'abacus': there is calculator, python, search"):
        names_of("calculator,abacus")


def test_tools_are_made_and_answer(tmp_path: Path) -> None:
    with chosen_tools(("calculator",), Lake(str(tmp_path))) as toolbox:
        asked = ToolCall("calculator", '{"expression": "6 * 7"}')
        assert toolbox.answer(asked).text == "42"
    with pytest.raises(UserError, match="no search index in lake"):
        chosen_tools(("search",), Lake(str(tmp_path)))


def test_a_server_is_told_its_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen: argparse.Namespace = parser().parse_args(["serve", "--tools", "calculator,python"])
    assert _config(chosen).tools == ("calculator", "python")
    assert main(["serve", "--tools", "abacus", "--lake", str(tmp_path)]) == 2
    assert "no tool 'abacus'" in capsys.readouterr().err
