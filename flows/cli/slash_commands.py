"""What a line that begins with a slash does to a conversation, as in other terminals for models.

In: the line and the `Talk`. Out: the talk changed, and a `Done`: what to print, and whether the
model is to speak. A command that can't be done changes nothing and says why.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.cli import option_types
from flows.cli.openai_messages import openai_message
from flows.cli.voice import SamplingOptions, Voice
from pipeline.chat.messages import Message, system, user
from storage.errors import UserError

LITERAL = "\\"  # before a line that would be a command: it is text
NONE = "none"  # /system none: without


@dataclasses.dataclass
class Talk:
    """A conversation under way."""

    voice: Voice
    options: SamplingOptions
    system: str = ""
    said: list[Message] = dataclasses.field(default_factory=list)  # without the system message
    tries: int = 0  # answers to the last question that were not wanted
    saved: Path | None = None  # the file that holds it: it may be written again

    @property
    def messages(self) -> list[Message]:
        """All messages, the system message first."""
        return [system(self.system), *self.said] if self.system else list(self.said)

    @property
    def sampling(self) -> SamplingOptions:
        """Of the next answer: another one draws other tokens."""
        options = self.options.copy()
        options["seed"] = (options["seed"] + self.tries) % (option_types.MOST_SEED + 1)
        return options


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command did."""

    shown: str = ""  # to print
    speak: bool = False  # the last message is a question that is to be answered
    over: bool = False  # the conversation


def is_command(line: str) -> bool:
    """Whether a line is meant as a command: a path is none, nor what `LITERAL` precedes."""
    name = line.partition(" ")[0]
    return line.startswith("/") and "/" not in name[1:]


def obey(line: str, talk: Talk) -> Done:
    """Do what a line says.

    Raises:
        UserError: there is no such command, or it can't be done.
    """
    name, _, text = line.strip().partition(" ")
    entry = COMMANDS.get(ALIASES.get(name, name))
    if entry is None:
        raise UserError(f"no command {name[:40]}: /help lists them (\\{name[:40]} says it as text)")
    return entry.act(talk, text.strip())


def _help(talk: Talk, text: str) -> Done:
    width = max(len(f"{name} {entry.takes}") for name, entry in COMMANDS.items())
    lines = [
        f"{f'{name} {entry.takes}':<{width}}  {entry.what}" for name, entry in COMMANDS.items()
    ]
    rest = '""" begins and ends a message of several lines; Ctrl-C ends an answer.'
    return Done("\n".join([*lines, rest]))


def _new(talk: Talk, text: str) -> Done:
    talk.said, talk.tries, talk.saved = [], 0, None
    return Done()


def _model(talk: Talk, text: str) -> Done:
    if text:
        talk.voice = talk.voice.other(text)
    return Done(f"model {talk.voice.name}")


def _system(talk: Talk, text: str) -> Done:
    if text:
        talk.system = "" if text == NONE else text
    return Done(f"system: {talk.system}" if talk.system else "no system message")


def _setting(name: str, key: str, read: Callable[[str], Any]) -> Callable[[Talk, str], Done]:
    """A command that sets one of the sampling options."""

    def act(talk: Talk, text: str) -> Done:
        options: dict[str, Any] = dict(talk.options)
        if text:
            try:
                options[key] = read(text)
            except argparse.ArgumentTypeError as error:
                raise UserError(f"{name}: {error}") from None
            talk.options = SamplingOptions(**options)  # type: ignore[typeddict-item]
        return Done(f"{name.removeprefix('/')} {options[key]:g}")

    return act


def _regenerate(talk: Talk, text: str) -> Done:
    question = _last_question(talk)
    asked = talk.said[question].content
    talk.said = [*talk.said[:question], user(asked)]
    talk.tries += 1
    return Done(speak=True)


def _undo(talk: Talk, text: str) -> Done:
    question = _last_question(talk)
    asked = talk.said[question].content
    talk.said, talk.tries = talk.said[:question], 0
    return Done(f"taken back: {asked}")


def _history(talk: Talk, text: str) -> Done:
    return Done(
        "\n".join(f"{said.role}: {said.content}" for said in talk.messages) or "nothing yet"
    )


def _save(talk: Talk, text: str) -> Done:
    if not text:
        raise UserError("/save needs a file's name: /save talk.jsonl")
    if not talk.said:
        raise UserError("/save: nothing has been said yet")
    file = Path(text).expanduser()
    mode = "w" if file == talk.saved else "x"  # what somebody else wrote stays
    row = json.dumps({"messages": [openai_message(said) for said in talk.messages]})
    try:
        with file.open(mode, encoding="utf-8") as opened:
            opened.write(f"{row}\n")
    except FileExistsError:
        raise UserError(f"/save: {file} exists: give another name") from None
    except OSError as error:
        raise UserError(f"/save: {file}: {error.strerror}") from None
    talk.saved = file
    return Done(f"saved {file}: a row that `input.conversations` reads")


def _bye(talk: Talk, text: str) -> Done:
    return Done(over=True)


def _last_question(talk: Talk) -> int:
    """Its index."""
    asked = [at for at, said in enumerate(talk.said) if said.role == "user"]
    if not asked:
        raise UserError("nothing has been asked yet")
    return asked[-1]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A command: what it takes, what it does in words, and what does it."""

    takes: str
    what: str
    act: Callable[[Talk, str], Done]


COMMANDS = {
    "/help": Entry("", "this list", _help),
    "/new": Entry("", "forget what was said; the system message stays", _new),
    "/regenerate": Entry("", "another answer (at temperature 0 the same one)", _regenerate),
    "/undo": Entry("", "take the last question and its answer back", _undo),
    "/history": Entry("", "what was said so far", _history),
    "/save": Entry("FILE", "the conversation as a row of JSON, which can be trained on", _save),
    "/model": Entry("NAME", "another model, same conversation", _model),
    "/system": Entry("TEXT", f"the system message; {NONE}: without", _system),
    "/temperature": Entry(
        "X",
        "0 = always the most likely",
        _setting("/temperature", "temperature", option_types.temperature),
    ),
    "/top-k": Entry("K", "0 = no cut", _setting("/top-k", "top_k", option_types.whole(0))),
    "/max-tokens": Entry(
        "N", "of an answer", _setting("/max-tokens", "max_new_tokens", option_types.whole(1))
    ),
    "/seed": Entry(
        "N",
        "of the random numbers",
        _setting("/seed", "seed", option_types.whole(0, option_types.MOST_SEED)),
    ),
    "/bye": Entry("", "end, as Ctrl-D does", _bye),
}
ALIASES = {
    "/?": "/help",
    "/clear": "/new",
    "/retry": "/regenerate",
    "/temp": "/temperature",
    "/exit": "/bye",
    "/quit": "/bye",
}
