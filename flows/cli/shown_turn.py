"""An assistant's turn in the terminal: text as it comes, calls and their outputs between."""

import contextlib
import sys
from collections.abc import Generator, Sequence

from flows.cli import output
from flows.cli.voice import Said
from pipeline.chat.messages import Message, ToolCall
from storage.errors import UserError


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
