"""Commands that load a model: complete, chat, tokens."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from flows.commands import show
from storage import Lake
from storage.errors import UserError

MODELS = ("base", "extended", "sft", "rl")
# What the demo says to its model when nobody is at the keyboard.
SCRIPT = ("Hello!", "Who are you?", "What is 347 + 58?", "What is 4821 + 379?")


def find_model(lake: Lake, name: str) -> Path:
    """A model by stage name, digest prefix or path: its folder, or a .gguf file."""
    if name in MODELS:
        heads = lake.heads()
        if name not in heads:
            made = ", ".join(m for m in MODELS if m in heads) or "none"
            raise UserError(f"no {name} model in lake {lake.url} yet (there: {made}): run a flow")
        return lake.local(name, heads[name])
    if Path(name).is_dir() or Path(name).suffix == ".gguf":
        return Path(name)
    manifest = lake.manifest(None, name)
    if manifest.kind not in MODELS:
        raise UserError(f"{name} is a {manifest.kind}, not a model ({', '.join(MODELS)})")
    return lake.local(manifest.kind, manifest.digest)


def complete(chosen: argparse.Namespace) -> int:
    """Go on with a page."""
    from pipeline.chat import terminal

    model, tokenizer = _load(chosen)
    pieces = terminal.complete(model, tokenizer, chosen.text, **_sampling(chosen))
    if chosen.json:
        show.document({"prompt": chosen.text, "completion": "".join(pieces)})
        return 0
    print(chosen.text, end="", flush=True)
    _stream(pieces)
    return 0


def chat(chosen: argparse.Namespace) -> int:
    """Talk, until the end of input."""
    if chosen.message or not sys.stdin.isatty():
        lines = chosen.message or [line.strip() for line in sys.stdin if line.strip()]
        return converse(chosen, lines)
    return _interactive(chosen)


def converse(chosen: argparse.Namespace, lines: list[str] | tuple[str, ...]) -> int:
    """Say these lines, one after another, each in a conversation of its own."""
    from pipeline.chat import terminal
    from pipeline.chat.conversation import Message

    model, tokenizer = _load(chosen)
    exchanges = []
    for line in lines:
        pieces = terminal.reply(model, tokenizer, [Message("user", line)], **_sampling(chosen))
        if chosen.json:
            exchanges.append({"user": line, "assistant": "".join(pieces)})
            continue
        print(f"you> {line}\n{chosen.model}> ", end="", flush=True)
        _stream(pieces)
    if chosen.json:
        show.document(exchanges)
    return 0


def tokens(chosen: argparse.Namespace) -> int:
    """A text as its tokens."""
    from pipeline.export import load_tokenizer
    from pipeline.tokenizer.page import page
    from pipeline.tokenizer.show import coloured, pieces

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
            show.document({"html": chosen.html})
        else:
            print(chosen.html)
        return 0
    if chosen.json:
        show.document(pieces(tokenizer, chosen.text))
    elif sys.stdout.isatty():
        print(coloured(tokenizer, chosen.text))
    else:
        for piece in pieces(tokenizer, chosen.text):
            shown = json.dumps(piece["text"], ensure_ascii=False) if piece["text"] else ""
            print(f"{piece['id']}\t{shown or piece['bytes']}")
    return 0


def _load(chosen: argparse.Namespace) -> Any:
    """The model and tokenizer asked for."""
    from pipeline.export import load

    return load(find_model(Lake(chosen.lake), chosen.model))


def _interactive(chosen: argparse.Namespace) -> int:
    from pipeline.chat import terminal
    from pipeline.chat.conversation import Message

    model, tokenizer = _load(chosen)
    print("Talk to it. /new starts over; Ctrl-D ends.")
    history: list[Message] = []
    while True:
        try:
            line = input("you> ").strip()
        except EOFError:
            print()
            return 0
        if line in ("", "/new"):
            history = []
            continue
        history.append(Message("user", line))
        print(f"{chosen.model}> ", end="", flush=True)
        answer = _stream(terminal.reply(model, tokenizer, history, **_sampling(chosen)))
        history.append(Message("assistant", answer))


def _stream(pieces: Any) -> str:
    said = []
    for piece in pieces:
        said.append(piece)
        print(piece, end="", flush=True)
    print()
    return "".join(said)


def _sampling(chosen: argparse.Namespace) -> dict[str, Any]:
    return {
        "max_new_tokens": chosen.max_tokens,
        "temperature": chosen.temperature,
        "top_k": chosen.top_k,
        "seed": chosen.seed,
    }
