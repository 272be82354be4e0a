"""`crawl2chat complete --top`: the distribution at each step."""

import json
from pathlib import Path
from typing import Any

import pytest
from toy_artifacts import post_training, toy_names  # noqa: F401

from flows.cli import main
from flows.cli.complete import line_of, show_steps
from flows.cli.voice import TokenChoice, TokenStep


@pytest.fixture
def line(post_training: Any, tmp_path: Path) -> list[str]:  # noqa: F811
    model = ["--model", str(post_training.base), "--lake", str(tmp_path)]
    return ["complete", "Ada Abel was born in", *model, "--max-tokens", "12", "--seed", "5"]


def test_steps_write_the_page_that_complete_writes(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert main([*line, "--json", "--top", "3"]) == 0
    shown = json.loads(capsys.readouterr().out)
    steps = shown.pop("steps")
    assert shown == plain
    assert 0 < len(steps) <= 12
    for step in steps:
        likely = [choice["probability"] for choice in step["likely"]]
        assert len(likely) == 3
        assert likely == sorted(likely, reverse=True)
        assert 0 < step["probability"] <= max(likely)
        assert bytes.fromhex(step["bytes"]).decode("utf-8", "replace") or step["id"] >= 0


def test_a_line_a_step_then_the_page(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line, "--top", "2"]) == 0
    steps, _, page = capsys.readouterr().out.partition("\n\n")
    assert 0 < len(steps.splitlines()) <= 12
    assert all(row.count("%") == 3 for row in steps.splitlines())
    assert page.startswith("Ada Abel was born in")


def test_a_token_shows_its_spaces_and_line_ends_and_commands_no_terminal() -> None:
    half = TokenChoice(" a\n", b" a\n", -0.6931472, 1)
    odd = TokenChoice(None, b"\xe2\x82", -2.302585, 2)
    wild = TokenChoice("\x1b[2J", b"\x1b[2J", -4.60517, 3)
    shown = line_of(TokenStep(half, (half, odd, wild)))
    assert shown.split() == ["50.0%", '"', 'a\\n"', '"', 'a\\n"', "50.0%", "<e282>", "10.0%",
                             '"\\u001b[2J"', "1.0%"]  # fmt: skip


def test_a_stop_token_is_a_step_and_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """And half a character joins its other half."""
    first, second = (TokenChoice(None, raw, -1.0) for raw in (b"\xc3", b"\xa4"))
    stop = TokenChoice("<|endoftext|>", b"<|endoftext|>", -0.5, 0)
    steps = [TokenStep(first, ()), TokenStep(second, ()), TokenStep(stop, (stop,), ends=True)]
    show_steps("Ada", steps, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["completion"] == "ä"
    assert [step["text"] for step in shown["steps"]] == [None, None, "<|endoftext|>"]
    show_steps("Ada", steps, as_json=False)
    assert capsys.readouterr().out.endswith("\n\nAdaä\n")


@pytest.mark.parametrize("top", ["0", "21", "-1", "many"])
def test_as_many_as_the_api_gives(
    top: str, line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line, "--top", top]) == 2
    assert "argument --top" in capsys.readouterr().err
