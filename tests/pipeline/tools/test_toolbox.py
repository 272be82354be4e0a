"""Every call has an output, whatever it asks for and whatever fails."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.chat import messages
from pipeline.chat.conversation import normal
from pipeline.chat.messages import Conversation, ToolCall
from pipeline.tools import toolbox
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig, ToolLimits
from pipeline.tools.tool import LimitReached, Tool, ToolError, ToolFault
from pipeline.tools.toolbox import Toolbox

WORD = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
ROOT = Path(toolbox.__file__).parents[2]


def tool(call: Any, name: str = "echo", **more: Any) -> Tool:
    return Tool(name, "Says it again.", WORD, call, ToolLimits(output_bytes=256), **more)


def said(arguments: Mapping[str, Any]) -> str:
    word: str = arguments["word"]
    return word


def echo(word: str, name: str = "echo") -> ToolCall:
    return ToolCall(name, json.dumps({"word": word}))


def test_a_call_gives_its_text() -> None:
    output = Toolbox((tool(said),)).answer(echo("hey"))
    assert (output.text, output.ending) == ("hey", "done")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (ToolCall("nobody", "{}"), "Error: unknown tool 'nobody': there is echo"),
        (ToolCall("echo", "{"), "Error: the arguments are no JSON: "),
        (ToolCall("echo", "{}"), "Error: argument word is missing"),
        (ToolCall("echo", '{"word": 1}'), "Error: argument word must be a string, not 1"),
        (ToolCall("echo", '{"word": "' + "x" * 20_000 + '"}'), "Error: the arguments have more"),
        (ToolCall("x" * 1000, "{}"), "Error: unknown tool 'xxx"),
    ],
)
def test_a_bad_call_is_an_error_in_words(call: ToolCall, text: str) -> None:
    output = Toolbox((tool(said),)).answer(call)
    assert output.text.startswith(text)
    assert output.ending == "error"
    assert len(output.text) < 300


def raising(error: Exception) -> Any:
    def call(_: Mapping[str, Any]) -> str:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "text", "ending"),
    [
        (ToolError("no"), "Error: no", "error"),
        (ToolError("no", printed="before\n"), "before\nError: no", "error"),
        (LimitReached("late"), "Error: late", "limit"),
        (ToolFault("broken"), "Error: broken", "fault"),
        (ToolError("x" * 1000), "Error: xxx", "error"),
        (ZeroDivisionError("ours"), "Error: the tool failed (ZeroDivisionError)", "fault"),
        (RecursionError(), "Error: the tool failed (RecursionError)", "fault"),
    ],
)
def test_what_a_tool_raises_becomes_text(
    error: Exception, text: str, ending: str, capfd: pytest.CaptureFixture[str]
) -> None:
    output = Toolbox((tool(raising(error)),)).answer(echo("x"))
    assert output.text.startswith(text)
    assert output.ending == ending
    assert len(output.text.encode()) < 400
    # A mistake of ours is not lost either.
    assert ("Traceback" in capfd.readouterr().err) == (not isinstance(error, ToolError))


def test_output_is_bounded_and_says_so() -> None:
    output = Toolbox((tool(said),)).answer(echo("y" * 5000))
    assert "[… 4,744 bytes left out …]" in output.text
    assert len(output.text.encode()) < 320


def test_a_batch_keeps_its_order_and_goes_on_after_failures() -> None:
    def call(arguments: Mapping[str, Any]) -> str:
        if arguments["word"] == "13":
            raise ValueError("bad luck")
        return said(arguments)

    box = Toolbox((tool(call), calculator(CalculatorConfig())))
    calls = [echo(str(number)) for number in range(50)]
    calls[7] = ToolCall("calculator", '{"expression": "6*7"}')
    calls[9] = ToolCall("calculator", '{"expression": "1/0"}')
    outputs = box.answer_all(calls)
    wanted = [str(number) for number in range(50)]
    wanted[7], wanted[9], wanted[13] = (
        "42",
        "Error: division by zero",
        "Error: the tool failed (ValueError)",
    )
    assert [output.text for output in outputs] == wanted
    assert box.answer_all([]) == []


def test_a_batch_waits_for_all_at_once() -> None:
    """Each call waits for the others: one after another they would wait for ever."""
    together = threading.Barrier(8, timeout=60)

    def call(arguments: Mapping[str, Any]) -> str:
        together.wait()
        return said(arguments)

    outputs = Toolbox((tool(call),)).answer_all([echo(str(n)) for n in range(8)], threads=8)
    assert [output.text for output in outputs] == [str(n) for n in range(8)]


def test_definitions_and_messages_make_a_conversation() -> None:
    box = Toolbox((calculator(CalculatorConfig()),))
    calls = (
        ToolCall("calculator", '{"expression": "1/0"}', "a"),
        ToolCall("calculator", '{"expression": "2+2"}', "b"),
    )
    talk = Conversation(
        (
            messages.user("Both?"),
            messages.assistant("", calls),
            *toolbox.messages(calls, box.answer_all(calls)),
        ),
        box.definitions,
    )
    messages.check(talk)
    messages.check_reply_due(talk)
    assert [said.content for said in talk.messages[2:]] == ["Error: division by zero", "4"]
    assert normal(talk).tools == box.definitions


def test_two_tools_of_one_name_and_unknown_schemas_are_refused() -> None:
    with pytest.raises(ValueError, match="two tools of one name: echo, echo"):
        Toolbox((tool(said), tool(said)))
    strange = dataclasses.replace(tool(said), parameters={"type": "object", "allOf": []})
    with pytest.raises(ValueError, match="no support for allOf"):
        Toolbox((strange,))
    with pytest.raises(TypeError):
        dataclasses.replace(tool(said), parameters={"type": object})


def test_its_end_closes_all_tools() -> None:
    closed: list[str] = []
    with Toolbox(
        (
            tool(said, close=lambda: closed.append("echo")),
            tool(said, "other", close=lambda: closed.append("other")),
        )
    ):
        assert closed == []
    assert closed == ["echo", "other"]


BARE = """
import sys
class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pydantic_monty", "pydantic", "prefect", "duckdb", "datatrove",
                                  "rich", "fasttext", "trafilatura", "requests"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Bare())
from pipeline.chat.messages import ToolCall
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig, PythonConfig
from pipeline.tools.python_tool import python_tool
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError
print(Toolbox((calculator(CalculatorConfig()),)).answer(
    ToolCall("calculator", '{"expression": "0.1 + 0.2"}')).text)
assert "torch" not in sys.modules
import pkgutil, importlib
import pipeline.tools
for module in pkgutil.walk_packages(pipeline.tools.__path__, "pipeline.tools."):
    importlib.import_module(module.name)
try:
    python_tool(PythonConfig())
except UserError as error:
    print(error)
"""


def test_a_bare_machine_has_the_calculator_and_is_told_what_python_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", BARE],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "0.3"
    assert (
        "Python by `monty` needs the package pydantic-monty (pip install pydantic-monty)" in second
    )
