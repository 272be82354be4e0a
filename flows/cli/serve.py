"""`crawl2chat serve`: the lake's models behind OpenAI's API, and its pages, until Ctrl-C.

What can be wrong with the command line is found before anything is loaded: a port in use, a model
that isn't there, a key file that others can read.
"""

import argparse
import contextlib
import dataclasses
import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli import output
from flows.cli.chosen_tools import chosen_tools, names_of
from flows.cli.models import GAME_MODELS, MODELS, find_model
from flows.cli.served_lake import ServedLake
from flows.labeling_store import store_path, votes_path
from pipeline.serve import http_server
from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.interpreter_settings import interpreter_settings
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.serve.people_work import PeopleWork
from pipeline.serve.security import KEY_VARIABLE, Access, access
from pipeline.serve.server_log import log_to_stderr
from pipeline.serve.server_metrics import ServerMetrics
from pipeline.serve.server_tools import ServerTools
from storage import Lake
from storage.errors import UserError
from storage.local import LocalTree

CHATS = tuple(name for name in MODELS if name not in ("base", "extended"))
FINISHED_FIRST = (*reversed(MODELS), *reversed(GAME_MODELS))


def serve(chosen: argparse.Namespace) -> int:
    """Serve models; returns once all that ran is finished."""
    config = _config(chosen)
    key_file = Path(chosen.api_key_file) if chosen.api_key_file else None
    who = access(
        chosen.host,
        key_file,
        origins=tuple(chosen.allow_origin),
        hosts=tuple(chosen.allow_host),
    )
    lake = Lake(chosen.lake)
    sources = model_sources(lake, chosen.model)
    metrics = ServerMetrics()
    models = LoadedModels(sources, config, metrics.observe)
    opened = http_server.listen(chosen.host, chosen.port)
    try:
        tools = ServerTools(chosen_tools(config.tools, lake))
    except BaseException:
        opened.close()
        raise
    shown = ServedLake(lake)
    app = create_app(models, config, who, metrics, tools, shown, people_work(lake, chosen))
    address = http_server.address(opened)
    log_to_stderr()

    settings = contextlib.ExitStack()

    def ready() -> None:
        settings.enter_context(interpreter_settings())
        if chosen.json:
            told = {"url": f"{address}/v1", "pages": address, "models": list(models.sources)}
            output.document(told)
        else:
            ids = list(models.sources)
            where = f"{address} (pages) and {address}/v1"
            print(f"{', '.join(ids)} at {where}: {example(address, who, ids[0])}")
        # Whoever reads it through a pipe waits for it.
        sys.stdout.flush()

    try:
        with settings:
            http_server.run(http_server.make_server(app, models, config), opened, ready)
    finally:  # also where the application never began
        tools.close()
        shown.close()
    return 0


def people_work(lake: Lake, chosen: argparse.Namespace) -> PeopleWork | None:
    """Where labels and votes lie; None: the lake is elsewhere, and the files aren't both named."""
    if not isinstance(lake.tree, LocalTree) and not (chosen.labels and chosen.votes):
        return None
    return PeopleWork(store_path(lake, chosen.labels or ""), votes_path(lake, chosen.votes or ""))


def model_sources(lake: Lake, names: Sequence[str]) -> list[ModelSource]:
    """Where each model that was named is found; without names, all of the lake's.

    Args:
        lake: where stages and digests are looked up.
        names: stages, digests, folders and .gguf files.

    Raises:
        UserError: one isn't there, or the lake has none.
    """
    if names:
        found = [(name, find_model(lake, name)) for name in dict.fromkeys(names)]
        return [ModelSource(_id(name), functools.partial(_there, path)) for name, path in found]
    heads = lake.heads()
    there = [name for name in FINISHED_FIRST if name in heads]
    if not there:
        raise UserError(
            f"no model in lake {lake.url} yet: `crawl2chat demo` makes some, --model names others"
        )
    return [ModelSource(name, functools.partial(find_model, lake, name)) for name in there]


def _id(name: str) -> str:
    """What clients call a model: no path of this machine."""
    path = Path(name)
    if path.suffix == ".gguf":
        return path.stem
    return path.resolve().name if path.is_dir() and name not in MODELS else name


def _there(path: Path) -> Path:
    return path


def example(address: str, who: Access, first: str) -> str:
    """A command that asks the server's first model something: a chat, where its stage chats."""
    key = f' -H "Authorization: Bearer ${KEY_VARIABLE}"' if who.keys else ""
    place, body = "completions", '{"prompt": "Once upon a time", "max_tokens": 32}'
    if first in CHATS:
        place, body = "chat/completions", '{"messages": [{"role": "user", "content": "Hello!"}]}'
    return f"curl {address}/v1/{place}{key} -H 'Content-Type: application/json' -d '{body}'"


def _config(chosen: argparse.Namespace) -> ServeConfig:
    changes: dict[str, Any] = {} if chosen.max_rows is None else {"max_rows": chosen.max_rows}
    if chosen.tools:
        changes["tools"] = names_of(chosen.tools)
    fields = dataclasses.fields(ServeConfig)
    known = {field.name: field.type for field in fields if field.type in (int, float, str)}
    if chosen.set:
        from flows.config import parse_change

        for change in chosen.set:
            key, value = parse_change(change)
            if key not in known:
                raise UserError(f"--set {key}: a server has {', '.join(known)}")
            if known[key] is str:
                changes[key] = str(value)
                continue
            whole = known[key] is int
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise UserError(f"--set {key}: {value!r} is no {'whole ' if whole else ''}number")
            changes[key] = value
    return ServeConfig(**changes)
