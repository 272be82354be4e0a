"""A rater at the keyboard: one task after another, each saved before the next is shown.

Lines in, a screen out; at a terminal or in a pipe. What is typed is an answer or one of the
commands that each screen names. Whatever ends it, the task in hand goes back to the queue.
"""

import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from flows.cli.rater_terminal import Ask
from flows.runner.streams import harmless
from pipeline.chat.conversation import Message
from pipeline.labels import guideline, task_queue
from pipeline.labels.task_queue import Assignment
from pipeline.labels.task_store import TaskStore
from storage.errors import UserError

Clock = Callable[[], float]  # seconds since the epoch

END = "."  # a line of its own ends a text
GUIDE, SKIP, BACK, QUIT = "?", "/skip", "/back", "/quit"
GOOD, KEEP, EDIT = "/ok", "/keep", "/edit"
COMMANDS = (GUIDE, SKIP, BACK, QUIT, GOOD, KEEP, EDIT)
LITERAL = "\\"  # before a line that would be a command: it is text
KEYS = {"1": "first", "=": "tie", "2": "second"}
SHORT = {"s": SKIP, "b": BACK, "q": QUIT, "k": KEEP}  # where no text is typed
BESIDE_COLUMNS = 100  # of a terminal on which two answers stand side by side
DEFAULT_EDITOR = "vi"
TITLES = {"write": "write the answer", "correct": "correct the answer", "compare": "compare two"}


class SessionCounts(TypedDict):
    """What a rater did."""

    rater: str
    answered: int
    skipped: int
    surplus: int  # answers that came when others had answered already
    left: bool  # whether there is more to do


def work(
    store: TaskStore, rater: str, ask: Ask, console: Console, clock: Clock = time.time
) -> SessionCounts:
    """Give tasks to a rater until there are none, no more lines, or they leave.

    Args:
        store: an open one.
        rater: a name that it knows.
        ask: for a line.
        console: to show tasks on.
        clock: tells the time.
    """
    done: SessionCounts = {"rater": rater, "answered": 0, "skipped": 0, "surplus": 0, "left": True}
    try:
        while True:
            given = task_queue.take(store, rater, clock())
            if given is None:
                done["left"] = False
                return done
            said = _answer(given, done["answered"], ask, console)
            if said == QUIT:
                return done
            _act(store, rater, given, said, done, console, clock())
    finally:
        task_queue.release(store, rater)


def _act(
    store: TaskStore,
    rater: str,
    given: Assignment,
    said: str,
    done: SessionCounts,
    console: Console,
    now: float,
) -> None:
    task = given.task.id
    if said == SKIP:
        task_queue.skip(store, rater, task, now)
        done["skipped"] += 1
        return
    if said == BACK:
        if not task_queue.back(store, rater, now):
            console.print("Nothing before this one.")
        return
    try:
        counts = task_queue.finish(store, rater, task, said.removeprefix(LITERAL), now)
    except UserError as error:  # the same rater answered it at another terminal
        console.print(Text(f"Not saved: {error}"))
        return
    done["answered" if counts else "surplus"] += 1
    if counts:
        console.print("Saved.")
    else:
        console.print("Saved aside: others had answered this one while your time for it was over.")


def _answer(given: Assignment, answered: int, ask: Ask, console: Console) -> str:
    """A command, or LITERAL and an answer."""
    console.print(_screen(given, answered, console.width))
    while True:
        said = _choice(given, ask) if given.task.kind == "compare" else _text(given, ask, console)
        if said == GUIDE:
            _show_guideline(console)
        elif said == KEEP and given.earlier is not None:
            return LITERAL + given.earlier
        elif said == GOOD and given.task.kind == "correct":
            return LITERAL + given.task.answers[0]
        elif said in (SKIP, BACK, QUIT) or (said.startswith(LITERAL) and said[1:].strip()):
            return said
        else:
            console.print(Text(f"Not understood: {_help(given)}"))


def _choice(given: Assignment, ask: Ask) -> str:
    line = ask(f"{_help(given)} > ")
    if line is None:
        return QUIT
    line = line.strip().lower()
    if line in KEYS:
        return LITERAL + given.winner(KEYS[line])
    return SHORT.get(line, line if line in COMMANDS else "")


def _text(given: Assignment, ask: Ask, console: Console) -> str:
    """Lines up to the one that ends them."""
    console.print(Text(_help(given), style="dim"))
    lines: list[str] = []
    while (line := ask("> ")) is not None:
        word = line.strip()
        if word == END:
            return LITERAL + "\n".join(lines)
        if word == EDIT:
            begun = "\n".join(lines) or given.earlier or "".join(given.task.answers)
            return LITERAL + _edited(begun)
        if word in COMMANDS:
            if lines:
                console.print("(what was begun is not kept)" if word != GUIDE else "(begin anew)")
            return word
        # Of a line that would end the text or be a command, but for the sign before it.
        literal = word.startswith(LITERAL) and word[1:] in (END, *COMMANDS)
        lines.append(word[1:] if literal else line)
    return QUIT


def _edited(text: str) -> str:
    """The text as it comes out of the rater's editor."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or DEFAULT_EDITOR
    with tempfile.TemporaryDirectory(prefix="crawl2chat-label-") as folder:
        path = Path(folder) / "answer.txt"
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise UserError(f"the editor {editor!r} failed (set EDITOR): {error}") from error
        return path.read_bytes().decode("utf-8", "replace")


def _help(given: Assignment) -> str:
    if given.task.kind == "compare":
        keep = ", k keep" if given.earlier is not None else ""
        return f"1, 2 or = (tie){keep}; s skip, b back, q quit, ? guideline"
    more = f"{GOOD} it is good as it is, " if given.task.kind == "correct" else ""
    more += f"{KEEP} the earlier one, " if given.earlier is not None else ""
    commands = f"{more}{EDIT} {SKIP} {BACK} {QUIT}, {GUIDE} guideline"
    return f"Your answer; a line with {END} ends it. {commands}"


def _screen(given: Assignment, answered: int, width: int) -> Group:
    task = given.task
    parts: list[RenderableType] = [Rule(f"{TITLES[task.kind]} · {answered} answered")]
    parts += [Text(f"tool  {harmless(tool)}", style="dim") for tool in task.prompt.tools]
    parts += [_said(message) for message in task.prompt.messages]
    names = ("the answer",) if task.kind == "correct" else ("1", "2")
    beside = width >= BESIDE_COLUMNS and len(task.answers) == 2
    shown = [
        Panel(
            Text(harmless(text)),
            title=name,
            title_align="left",
            width=width // 2 - 1 if beside else None,
        )
        for name, text in zip(names, given.shown())
    ]
    parts += [Columns(shown)] if beside else shown
    if given.earlier is not None:
        parts.append(Panel(Text(_earlier(given)), title="your earlier answer", title_align="left"))
    return Group(*parts)


def _earlier(given: Assignment) -> str:
    if given.task.kind != "compare":
        return harmless(given.earlier or "")
    return next(key for key, choice in KEYS.items() if given.winner(choice) == given.earlier)


def _said(message: Message) -> Text:
    calls = "".join(f"\n→ {call.name}({call.arguments})" for call in message.tool_calls)
    who = Text(f"{message.role}  ", style="bold")
    return who + Text(harmless(message.content + calls) + "\n", style="not bold")


def _show_guideline(console: Console) -> None:
    text = guideline()
    console.print(Markdown(text) if console.is_terminal else text, markup=False)
