"""Commands that load a model: complete, chat, tokens."""

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from flows.cli import output
from flows.runner import streams
from pipeline.chat.messages import ToolCall
from pipeline.tools.tool import ToolOutput
from storage import Lake
from storage.errors import UserError

MODELS = ("base", "extended", "sft", "interrogated", "rl")
GAME_MODELS = ("game_sft", "game_rl")  # they know nothing but a game


def find_model(lake: Lake, name: str) -> Path:
    """A model by stage name, digest prefix or path: its folder, or a .gguf file."""
    known = (*MODELS, *GAME_MODELS)
    if name in known:
        heads = lake.heads()
        if name not in heads:
            made = ", ".join(m for m in known if m in heads) or "none"
            raise UserError(f"no {name} model in lake {lake.url} yet (there: {made}): run a flow")
        return lake.local(name, heads[name])
    if Path(name).is_dir() or Path(name).suffix == ".gguf":
        return Path(name)
    manifest = lake.manifest(None, name)
    if manifest.kind not in known:
        raise UserError(f"{name} is a {manifest.kind}, not a model ({', '.join(known)})")
    return lake.local(manifest.kind, manifest.digest)


def complete(chosen: argparse.Namespace) -> int:
    """Go on with a page."""
    from pipeline.chat import streaming

    engine, tokenizer = _load(chosen)
    pieces = streaming.complete(engine, tokenizer, chosen.text, **_sampling(chosen))
    if chosen.json:
        output.document({"prompt": chosen.text, "completion": "".join(pieces)})
        return 0
    output.said(chosen.text, end="")
    _stream(pieces, [])
    return 0


def chat(chosen: argparse.Namespace) -> int:
    """Talk, until the end of input."""
    if chosen.message or not sys.stdin.isatty():
        lines = chosen.message or [line.strip() for line in sys.stdin if line.strip()]
        return converse(chosen, lines)
    return _interactive(chosen)


def converse(
    chosen: argparse.Namespace, lines: Sequence[str], answers: Mapping[str, str] | None = None
) -> int:
    """Say these lines, one after another, each in a conversation of its own.

    One that can't be answered is said to be so, and the others are answered; the exit code is 2.
    `answers` are the right ones, shown beside the model's.
    """
    answers = answers or {}
    from pipeline.chat.conversation import user

    exchanges: list[dict[str, Any]] = []
    with _tools(chosen) as toolbox:
        engine, tokenizer = _load_chat(chosen)
        for number, line in enumerate(lines, start=1):
            exchange: dict[str, Any] = {"user": line, "assistant": None}
            if not chosen.json:
                output.said(f"you> {line}\n{chosen.model}> ", end="")
            try:
                said: list[Any] = []
                _take_turn(engine, tokenizer, [user(line)], chosen, toolbox, said)
                exchange["assistant"] = "".join(piece for piece in said if isinstance(piece, str))
                if toolbox is not None:
                    exchange["calls"] = _calls(said)
            except UserError as error:
                _cannot(error, chosen, f"line {number}: ")
            if line in answers:
                exchange["right"] = answers[line]
                if not chosen.json:
                    output.said(f"     (right: {answers[line]})\n")
            exchanges.append(exchange)
    if chosen.json:
        output.document(exchanges)
    return 2 if any(said["assistant"] is None for said in exchanges) else 0


def tokens(chosen: argparse.Namespace) -> int:
    """A text as its tokens."""
    from pipeline.export import load_tokenizer
    from pipeline.tokenizer.show import coloured, pieces
    from pipeline.tokenizer.token_page import page

    lake = Lake(chosen.lake)
    if chosen.model:
        folder = find_model(lake, chosen.model)
    else:
        digest = lake.heads().get("tokenizer")
        if digest is None:
            raise UserError(f"no tokenizer in lake {lake.url} yet: `crawl2chat run tokenizer`")
        folder = lake.local("tokenizer", digest)
    tokenizer = load_tokenizer(folder)
    if chosen.html:
        Path(chosen.html).write_text(page(tokenizer, chosen.text), encoding="utf-8")
        if chosen.json:
            output.document({"html": chosen.html})
        else:
            print(chosen.html)
        return 0
    if chosen.json:
        output.document(pieces(tokenizer, chosen.text))
    elif not streams.is_plain(sys.stdout):
        print(coloured(tokenizer, chosen.text))
    else:
        for piece in pieces(tokenizer, chosen.text):
            shown = json.dumps(piece["text"], ensure_ascii=False) if piece["text"] else ""
            print(f"{piece['id']}\t{shown or piece['bytes']}")
    return 0


def _load(chosen: argparse.Namespace) -> Any:
    """The engine of the model asked for, and its tokenizer."""
    from pipeline.export import load
    from pipeline.model.engine import Engine

    model, tokenizer = load(find_model(Lake(chosen.lake), chosen.model))
    return Engine(model, frozen=True), tokenizer


def _load_chat(chosen: argparse.Namespace) -> Any:
    """The same; a model that can't talk is refused before anybody says anything."""
    engine, tokenizer = _load(chosen)
    if not tokenizer.has_conversation_tokens:
        raise UserError(
            "this model has no conversation tokens: use `complete`, or chat with sft or rl"
        )
    return engine, tokenizer


def _interactive(chosen: argparse.Namespace) -> int:
    """A conversation at the keyboard; Ctrl-C ends an answer, or at the prompt the conversation."""
    with _tools(chosen) as toolbox:
        return _talk(chosen, toolbox)


def _talk(chosen: argparse.Namespace, toolbox: Any) -> int:
    from pipeline.chat.conversation import Message, assistant, user

    engine, tokenizer = _load_chat(chosen)
    print("Talk to it. /new starts over; Ctrl-D ends.")
    history: list[Message] = []
    while True:
        try:
            line = input("you> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return 0
        if line == "/new":
            history = []
        if line in ("", "/new"):
            continue
        asked = [*history, user(line)]
        said: list[Any] = []
        print(f"{chosen.model}> ", end="", flush=True)
        try:
            history = _take_turn(engine, tokenizer, asked, chosen, toolbox, said)
        except UserError as error:
            _cannot(error, chosen)
        except KeyboardInterrupt:
            print()
            text = "".join(piece for piece in said if isinstance(piece, str))
            history = [*asked, assistant(text)]


def _tools(chosen: argparse.Namespace) -> Any:
    """The tools that a model may call, as a context manager; None: none."""
    if not chosen.tools:
        return contextlib.nullcontext()
    from flows.cli.search import newest_index
    from pipeline.tools.config import NAMES, PythonConfig, SearchConfig
    from pipeline.tools.named_tools import named_tool
    from pipeline.tools.search_tool import search_tool
    from pipeline.tools.toolbox import Toolbox

    known = (*NAMES, "search")
    names = list(dict.fromkeys(name.strip() for name in chosen.tools.split(",")))
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"--tools: no tool {unknown[0]!r}: there is {', '.join(known)}")
    return Toolbox(
        tuple(
            search_tool(newest_index(Lake(chosen.lake)), SearchConfig())
            if name == "search"
            else named_tool(name, PythonConfig(processes=1))
            for name in names
        )
    )


def _take_turn(
    engine: Any,
    tokenizer: Any,
    asked: list[Any],
    chosen: argparse.Namespace,
    toolbox: Any,
    said: list[Any],
) -> list[Any]:
    """The assistant's turn, shown as it comes unless JSON is asked for.

    Args:
        engine: of the model.
        tokenizer: its own.
        asked: the messages so far.
        chosen: the command line.
        toolbox: what it may call; None: nothing.
        said: gets every piece of text, call and output, however the turn ends.

    Returns:
        All messages, with those of the turn.
    """
    from pipeline.chat import streaming
    from pipeline.chat.conversation import assistant
    from pipeline.tools import tool_turns

    shown = _quietly if chosen.json else _stream
    if toolbox is None:
        text = shown(streaming.reply(engine, tokenizer, asked, **_sampling(chosen)), said)
        return [*asked, assistant(text)]
    turn = tool_turns.reply(engine, tokenizer, asked, toolbox, **_sampling(chosen))
    result: list[Any] = []

    def pieces() -> Any:
        talk = yield from turn
        result.extend(talk.messages)

    shown(pieces(), said)
    return result


def _calls(said: Sequence[Any]) -> list[dict[str, str]]:
    """Calls with what they gave: outputs come in their calls' order."""
    calls = [piece for piece in said if isinstance(piece, ToolCall)]
    outputs = [piece for piece in said if isinstance(piece, ToolOutput)]
    return [
        {"name": call.name, "arguments": call.arguments, "output": given.text}
        for call, given in zip(calls, outputs, strict=True)
    ]


def _cannot(error: UserError, chosen: argparse.Namespace, where: str = "") -> None:
    """Why there is no answer; what comes next starts on a line of its own."""
    if not chosen.json:
        print(flush=True)
    print(f"crawl2chat: {where}{error}", file=sys.stderr, flush=True)


def _stream(pieces: Any, said: list[Any]) -> str:
    """Print the pieces as they come; `said` gets each, however it ends."""
    for piece in pieces:
        said.append(piece)
        if isinstance(piece, str):
            output.said(piece, end="")
        elif isinstance(piece, ToolCall):
            output.said(f"\n  [{piece.name} {piece.arguments}]", end="")
        else:
            output.said(f"\n  [= {piece.text}]\n", end="")
    print(flush=True)
    return "".join(piece for piece in said if isinstance(piece, str))


def _quietly(pieces: Any, said: list[Any]) -> str:
    """The same, printing nothing."""
    said.extend(pieces)
    return "".join(piece for piece in said if isinstance(piece, str))


class SamplingOptions(TypedDict):
    """What `pipeline.chat.streaming` takes of the command line."""

    max_new_tokens: int
    temperature: float
    top_k: int
    seed: int


def _sampling(chosen: argparse.Namespace) -> SamplingOptions:
    return {
        "max_new_tokens": chosen.max_tokens,
        "temperature": chosen.temperature,
        "top_k": chosen.top_k,
        "seed": chosen.seed,
    }
