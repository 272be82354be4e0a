"""`crawl2chat chat --tools`: calls are shown as they run."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from toy_artifacts import post_training, toy_names  # noqa: F401

from flows.cli import main
from pipeline.chat.conversation import Conversation, assistant
from pipeline.chat.messages import ToolCall
from pipeline.tools import tool_turns
from pipeline.tools.toolbox import Toolbox, messages


def calling(
    engine: Any, tokenizer: Any, talk: Any, toolbox: Toolbox, **_: Any
) -> Generator[tool_turns.Said, None, Conversation]:
    """A model that works everything out by the first tool."""
    call = ToolCall(toolbox.tools[0].name, '{"expression": "6 * 7"}')
    yield "One moment."
    yield call
    outputs = toolbox.answer_all([call])
    yield from outputs
    yield f"It is {outputs[0].text}."
    said = (assistant("One moment.", [call]), *messages([call], outputs))
    return Conversation((*talk, *said, assistant(f"It is {outputs[0].text}.")), toolbox.definitions)


@pytest.fixture
def line(post_training: Any, tmp_path: Any) -> list[str]:  # noqa: F811
    return ["chat", "--model", str(post_training.chat), "--lake", str(tmp_path), "--message", "Hi"]


def test_calls_and_outputs_are_shown(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool_turns, "reply", calling)
    assert main([*line, "--tools", "calculator"]) == 0
    shown = capsys.readouterr().out
    said = 'One moment.\n  [calculator {"expression": "6 * 7"}]\n  [= 42]\nIt is 42.\n'
    assert shown.endswith(f"> {said}")
    assert main([*line, "--tools", "calculator", "--json"]) == 0
    (exchange,) = json.loads(capsys.readouterr().out)
    assert exchange == {
        "user": "Hi",
        "assistant": "One moment.It is 42.",
        "calls": [
            {"name": "calculator", "arguments": '{"expression": "6 * 7"}', "output": "42"},
        ],
    }


def test_without_tools_nothing_is_called(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool_turns, "reply", calling)
    assert main([*line, "--json", "--max-tokens", "5"]) == 0
    (exchange,) = json.loads(capsys.readouterr().out)
    assert set(exchange) == {"user", "assistant"}


@pytest.mark.parametrize(
    ("tools", "said"), [("abacus", "no tool 'abacus'"), ("calculator", "the model's context is")]
)
def test_what_cannot_be_called_is_one_line(
    line: list[str], tools: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool that there isn't; a context without room for what the tools are."""
    assert main([*line, "--tools", tools]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
