"""What raters sit at: lines of the keyboard or of a pipe in, a screen out."""

import contextlib
import sys
from collections.abc import Callable

from rich.console import Console

from flows.runner import streams

Ask = Callable[[str], str | None]  # a prompt to the line that was typed; None: there are no more

PIPE_COLUMNS = 90  # where stdout is no terminal


def asking(to_stderr: bool) -> Ask:
    """Asks for lines of the keyboard, or of a pipe.

    Args:
        to_stderr: the prompt goes there, since stdout is for one JSON document.
    """
    if not sys.stdin.isatty():
        return lambda _: line.rstrip("\n") if (line := sys.stdin.readline()) else None
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 — input() edits lines with it

    def ask(prompt: str) -> str | None:
        try:
            if to_stderr:
                print(prompt, end="", file=sys.stderr, flush=True)
            return input("" if to_stderr else prompt)
        except EOFError:
            print(file=sys.stderr if to_stderr else sys.stdout)
            return None

    return ask


def screen(to_stderr: bool) -> Console:
    """Where tasks are shown."""
    stream = sys.stderr if to_stderr else sys.stdout
    plain = streams.is_plain(stream)
    console = Console(file=stream, highlight=False, force_terminal=not plain, no_color=plain)
    if not stream.isatty():
        console.width = PIPE_COLUMNS
    return console
