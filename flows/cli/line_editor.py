"""Lines from the keyboard: edited, completed, and remembered from one session to the next.

Where the terminal can move its cursor readline does it. What was typed is kept in a file of the
user's alone (0600), if anybody wants that; a folder that can't be written to is no reason not to
talk.
"""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from flows.runner import streams

HISTORY = "chat_history"
MOST_LINES = 1_000  # that are kept
MOST_LINE_CHARACTERS = 10_000  # of one: what is longer was pasted
BLOCK = '"""'  # begins and ends a text of several lines, as in ollama


def history_file() -> Path | None:
    """Where lines are kept: in the folder for a program's state (XDG Base Directory), if any."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(base).expanduser() / "crawl2chat" / HISTORY
    except RuntimeError:  # a user without a home, as in some containers
        return None


class LineEditor:
    """The keyboard.

    Args:
        history: the file of what was typed; None: nothing is read or kept.
        words: that Tab completes at the beginning of a line.
    """

    def __init__(self, history: Path | None, words: Sequence[str] = ()) -> None:
        self._readline = _readline()
        self._history = history if self._readline else None
        self._words = sorted(words)
        if self._readline is None:
            return
        self._readline.set_completer(self._completion)
        self._readline.set_completer_delims(" \t\n")
        libedit = "libedit" in (self._readline.__doc__ or "")  # macOS's
        self._readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
        self._readline.clear_history()
        for line in _kept_lines(self._history):
            self._readline.add_history(line)

    def read(self, prompt: str) -> str:
        """A line without its end, or what stands between two `BLOCK`s, however many lines.

        Raises:
            EOFError: there are no more.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        line = self._line(prompt)
        if not line.lstrip().startswith(BLOCK):
            return line
        lines = [line.lstrip().removeprefix(BLOCK)]
        while not lines[-1].rstrip().endswith(BLOCK):
            lines.append(self._line("... "))
        lines[-1] = lines[-1].rstrip().removesuffix(BLOCK)
        return "\n".join(lines)

    def _line(self, prompt: str) -> str:
        line = input(prompt)
        if self._history is not None and line.strip() and len(line) <= MOST_LINE_CHARACTERS:
            with contextlib.suppress(OSError):
                _append(self._history, line)
        return line

    def _completion(self, begun: str, number: int) -> str | None:
        """The `number`th word that begins so (readline asks until there is none)."""
        assert self._readline is not None
        if self._readline.get_begidx():  # not at the line's beginning
            return None
        found = [f"{word} " for word in self._words if word.startswith(begun)]
        return found[number] if number < len(found) else None


def _readline() -> ModuleType | None:
    """The module, where it is of use."""
    if streams.is_plain(sys.stdout) or not sys.stdin.isatty():
        return None
    try:
        import readline
    except ImportError:  # a Python that was built without
        return None
    return readline


def _kept_lines(file: Path | None) -> list[str]:
    """The last lines of earlier sessions; the file is cut to these where it has grown."""
    if file is None:
        return []
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
        if len(lines) > 2 * MOST_LINES:
            smaller = file.with_suffix(f".{os.getpid()}")
            for line in lines[-MOST_LINES:]:
                _append(smaller, line)
            smaller.replace(file)
    except OSError:
        return []
    return lines[-MOST_LINES:]


def _append(file: Path, line: str) -> None:
    """Another line, in a file that nobody else can read, whoever made it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(file, flags, 0o600)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        os.write(descriptor, f"{line}\n".encode("utf-8", "replace"))
    finally:
        os.close(descriptor)
