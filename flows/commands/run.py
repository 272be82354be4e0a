"""Commands that run flows: run, demo, eval. They bring a Prefect server along if none is
configured.
"""

import argparse
import importlib
import sys
import time
from typing import Any

from flows import settings, terminal
from flows.commands import show
from flows.commands.facts import scores
from flows.commands.lake import write_report
from flows.commands.model import MODELS, SCRIPT, chat, converse
from flows.config import DEFAULT_PRESET, RunConfig, load
from flows.server import api_server, check_shared, wait_until_up
from storage import Lake
from storage.errors import UserError

FROM_OPTIONS = ("files", "wet", "hosts", "language", "match", "pages", "runner", "ray_address")


def run(chosen: argparse.Namespace) -> int:
    """Run one flow."""
    started = time.monotonic()
    lake = Lake(chosen.lake)
    made = _run(chosen.flow, _config(chosen), lake)
    seconds = time.monotonic() - started
    if chosen.json:
        state = {"flow": chosen.flow, "lake": lake.url, "seconds": round(seconds, 3)}
        show.document({**state, "artifacts": made})
        return 0
    _print_scores(lake, {slot.removeprefix("evals.") for slot in made if slot.startswith("evals.")})
    print(f"{chosen.flow}: done in {terminal.duration(seconds)}, lake {lake.url}")
    return 0


def demo(chosen: argparse.Namespace) -> int:
    """The whole pipeline, its report, and a chat with what came out."""
    chosen.flow = "crawl-to-chat"
    started = time.monotonic()
    lake = Lake(chosen.lake)
    made = _run(chosen.flow, _config(chosen), lake)
    page = write_report(lake)
    seconds = time.monotonic() - started
    chosen.model, chosen.max_tokens, chosen.temperature = "rl", 112, 0.0
    chosen.top_k, chosen.seed, chosen.message = 0, 0, None
    if chosen.json:
        state = {"flow": chosen.flow, "lake": lake.url, "seconds": round(seconds, 3)}
        found = {"artifacts": made, "scores": scores(lake), "report": str(page)}
        show.document({**state, **found})
        return 0
    _print_scores(lake, set(MODELS))
    print(f"demo: done in {terminal.duration(seconds)}; report: {page}\n")
    return chat(chosen) if sys.stdin.isatty() else converse(chosen, SCRIPT)


def evaluate(chosen: argparse.Namespace) -> int:
    """Scores of the newest models; what isn't measured yet is measured now."""
    from pipeline.config import from_dict
    from pipeline.evals.config import SUITES, EvalConfig

    for suite in chosen.suite or []:
        if suite not in SUITES:
            raise UserError(f"unknown suite {suite!r}: one of {', '.join(SUITES)}")
    lake = Lake(chosen.lake)
    heads = lake.heads()
    models = [chosen.model] if chosen.model else [m for m in MODELS if m in heads]
    missing = [slot for slot in ("corpus", *models) if slot not in heads]
    if missing or not models:
        raise UserError(f"no {(missing or ['model'])[0]} in lake {lake.url} yet: run a flow first")
    config = load()
    measured = [heads[f"evals.{m}"] for m in MODELS if f"evals.{m}" in heads]
    if measured:  # ask what was asked before
        recipe = lake.manifest("evals", measured[0]).recipe
        config = config.model_copy(update={"evals": from_dict(EvalConfig, recipe)})
    from flows.references import reference

    made = {
        slot: reference(lake.manifest(slot, heads[slot]), lake)
        for slot in ("crawl", "corpus", *models)
        if slot in heads
    }
    _run("evaluate", config, lake, made=made, models=tuple(models))
    if chosen.json:
        show.document(scores(lake, set(models), set(chosen.suite or ())))
    else:
        _print_scores(lake, set(models), set(chosen.suite or ()))
    return 0


def _config(chosen: argparse.Namespace) -> RunConfig:
    from flows.inputs import check, spoken

    given = {key: getattr(chosen, key) for key in FROM_OPTIONS}
    given["paths"] = chosen.input
    tables: dict[str, Any] = {"input": {key: value for key, value in given.items() if value}}
    if chosen.language:  # what is fetched in a language is also kept in it, by its own thresholds
        wanted = [spoken(chosen.language)]
        tables["corpus"] = {"gate": {"languages": wanted}}
        tables["select"] = {"language": {"languages": wanted}, "per_language": True}
    config = load(chosen.preset or DEFAULT_PRESET, chosen.set, **tables)
    check(config)  # before a server is started for nothing
    return config


def _run(flow: str, config: RunConfig, lake: Lake, **more: Any) -> dict[str, Any]:
    """One flow run under the configured server, or under one of its own."""
    settings.configure(terminal=True)
    lake.heads()  # a lake of a newer version is refused before anything starts
    if config.input.runner == "ray":
        check_shared()
    with api_server() as url:
        name = flow.replace("-", "_")
        function = getattr(importlib.import_module(f"flows.{name}"), name)
        wait_until_up(url)
        try:
            with terminal.shown():
                made: dict[str, Any] = function(config, lake.url, **more)
        finally:
            _send_rest()
    return made


def _send_rest() -> None:
    """Logs and states wait in queues: empty them while the server still listens."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for queue in (APILogWorker, EventsWorker):
        queue.drain_all(timeout=10)


def _print_scores(lake: Lake, models: set[str], suites: set[str] | None = None) -> None:
    if not models:
        return
    from pipeline.report.scores import stage_table

    head, body = stage_table(scores(lake, models, suites))
    show.rows(head, body, "What each stage changed (value, 95% interval, n)")
