"""`crawl2chat chat`: lines from a pipe or the command line, answered one after another.

At a terminal it is a conversation: `flows.cli.chat_session`.
"""

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from flows.cli import output
from flows.cli.chat_session import talk
from flows.cli.chosen_voice import chosen_voice, sampling_of
from flows.cli.models import finished
from flows.cli.shown_turn import complain, show_turn, text_of
from flows.cli.voice import Said
from pipeline.chat.messages import ToolCall, system, user
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import Toolbox
from storage import Lake
from storage.errors import UserError


def chat(chosen: argparse.Namespace) -> int:
    """Talk, until the end of input."""
    if chosen.message or not sys.stdin.isatty():
        lines = chosen.message or [line.strip() for line in sys.stdin if line.strip()]
        return converse(chosen, lines)
    with tools_of(chosen) as toolbox:
        voice = chosen_voice(chosen, finished, talks=True, toolbox=toolbox)
        return talk(voice, sampling_of(chosen), chosen.system or "", keep=not chosen.no_history)


def converse(
    chosen: argparse.Namespace, lines: Sequence[str], answers: Mapping[str, str] | None = None
) -> int:
    """Say these lines, one after another, each in a conversation of its own.

    One that can't be answered is said to be so, and the others are answered; the exit code is 2.
    `answers` are the right ones, shown beside the model's.
    """
    answers = answers or {}
    exchanges: list[dict[str, Any]] = []
    before = [system(chosen.system)] if chosen.system else []
    with tools_of(chosen) as toolbox:
        voice = chosen_voice(chosen, finished, talks=True, toolbox=toolbox)
        for number, line in enumerate(lines, start=1):
            exchange: dict[str, Any] = {"user": line, "assistant": None}
            if not chosen.json:
                output.said(f"you> {line}\n{voice.name}> ", end="")
            said: list[Said] = []
            try:
                turn = voice.reply([*before, user(line)], sampling_of(chosen))
                show_turn(turn, said, silent=chosen.json)
                exchange["assistant"] = text_of(said)
                if toolbox is not None:
                    exchange["calls"] = _calls(said)
            except UserError as error:
                if not chosen.json:
                    print(flush=True)
                complain(error, f"line {number}: ")
            if line in answers:
                exchange["right"] = answers[line]
                if not chosen.json:
                    output.said(f"     (right: {answers[line]})\n")
            exchanges.append(exchange)
    if chosen.json:
        output.document(exchanges)
    return 2 if any(said["assistant"] is None for said in exchanges) else 0


def tools_of(chosen: argparse.Namespace) -> AbstractContextManager[Toolbox | None]:
    """The tools that a model may call, as a context manager; None: none."""
    if not chosen.tools:
        return contextlib.nullcontext()
    from flows.cli.chosen_tools import chosen_tools, names_of

    return chosen_tools(names_of(chosen.tools), Lake(chosen.lake), python_processes=1)


def _calls(said: Sequence[Said]) -> list[dict[str, str]]:
    """Calls with what they gave: outputs come in their calls' order."""
    calls = [piece for piece in said if isinstance(piece, ToolCall)]
    outputs = [piece for piece in said if isinstance(piece, ToolOutput)]
    return [
        {"name": call.name, "arguments": call.arguments, "output": given.text}
        for call, given in zip(calls, outputs, strict=True)
    ]
