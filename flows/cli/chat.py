"""`crawl2chat chat`: lines from a pipe or the command line, answered one after another.

At a terminal it is a conversation: `flows.cli.chat_session`.
"""

import argparse
import contextlib
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from flows.cli import output
from flows.cli.voice import Said, chosen_voice, sampling_of
from pipeline.chat.messages import Message, ToolCall, system, user
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import Toolbox
from storage import Lake
from storage.errors import UserError

DEFAULT_MODEL = "rl"


def chat(chosen: argparse.Namespace) -> int:
    """Talk, until the end of input."""
    if chosen.message or not sys.stdin.isatty():
        lines = chosen.message or [line.strip() for line in sys.stdin if line.strip()]
        return converse(chosen, lines)
    from flows.cli.chat_session import talk

    with tools_of(chosen) as toolbox:
        voice = chosen_voice(chosen, DEFAULT_MODEL, talks=True, toolbox=toolbox)
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
        voice = chosen_voice(chosen, DEFAULT_MODEL, talks=True, toolbox=toolbox)
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


def show_turn(
    turn: Generator[Said, None, list[Message]], said: list[Said], silent: bool = False
) -> list[Message]:
    """Print an assistant's turn as it comes.

    Args:
        turn: of a `Voice`.
        said: gets every piece of text, call and output, however the turn ends.
        silent: whether to print nothing.

    Returns:
        All messages, with those of the turn.
    """
    with contextlib.closing(turn):
        while True:
            try:
                piece = next(turn)
            except StopIteration as end:
                found: list[Message] = end.value
                break
            said.append(piece)
            if not silent:
                _show(piece)
    if not silent:
        print(flush=True)
    return found


def text_of(said: Sequence[Said]) -> str:
    """The text among what was said."""
    return "".join(piece for piece in said if isinstance(piece, str))


def complain(error: UserError, where: str = "") -> None:
    """Why there is no answer."""
    print(f"crawl2chat: {where}{error}", file=sys.stderr, flush=True)


def _show(piece: Said) -> None:
    if isinstance(piece, str):
        output.said(piece, end="")
    elif isinstance(piece, ToolCall):
        output.said(f"\n  [{piece.name} {piece.arguments}]", end="")
    else:
        output.said(f"\n  [= {piece.text}]\n", end="")


def _calls(said: Sequence[Said]) -> list[dict[str, str]]:
    """Calls with what they gave: outputs come in their calls' order."""
    calls = [piece for piece in said if isinstance(piece, ToolCall)]
    outputs = [piece for piece in said if isinstance(piece, ToolOutput)]
    return [
        {"name": call.name, "arguments": call.arguments, "output": given.text}
        for call, given in zip(calls, outputs, strict=True)
    ]
