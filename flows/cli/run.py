"""Commands that run flows: run, demo, eval. They bring a Prefect server along if none is
configured.
"""

import argparse
import dataclasses
import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from flows.cli import output
from flows.cli.browse import write_report
from flows.cli.chat import chat, converse
from flows.cli.models import MODELS
from flows.cli.summary import scores
from flows.config import RunConfig, load, parse_change
from flows.config_tables import DEFAULT_PRESET
from flows.runner import settings, terminal
from flows.runner.references import Reference, reference
from flows.runner.server import api_server, check_shared
from storage import Lake
from storage.errors import UserError

# What the demo says to its model when nobody is at the keyboard, and how many sums after that.
GREETINGS = ("Hello!", "Who are you?")
SUMS = 4
FROM_OPTIONS = ("files", "wet", "hosts", "language", "match", "pages", "runner", "ray_address")


def run(chosen: argparse.Namespace) -> int:
    """Run one flow."""
    started = time.monotonic()
    lake, config = Lake(chosen.lake), _config(chosen)
    if config.input.node_rank:
        return _follow(config, lake)
    made = _run(chosen.flow, config, lake)
    seconds = time.monotonic() - started
    if chosen.json:
        state = {"flow": chosen.flow, "lake": lake.url, "seconds": round(seconds, 3)}
        output.document({**state, "artifacts": made})
        return 0
    _print_scores(lake, {slot.removeprefix("evals.") for slot in made if slot.startswith("evals.")})
    print(f"{chosen.flow}: done in {terminal.duration(seconds)}, lake {lake.url}")
    return 0


def demo(chosen: argparse.Namespace) -> int:
    """The whole pipeline, its report, and a chat with what came out."""
    chosen.flow = "crawl-to-chat"
    started = time.monotonic()
    lake, config = Lake(chosen.lake), _config(chosen)
    if config.input.node_rank:
        return _follow(config, lake)
    made = _run(chosen.flow, config, lake)
    page = write_report(lake)
    seconds = time.monotonic() - started
    chosen.model, chosen.max_tokens, chosen.temperature = "rl", 112, 0.0
    chosen.top_k, chosen.seed, chosen.message, chosen.tools = 0, 0, None, None
    chosen.url = chosen.api_key_env = chosen.system = None
    chosen.no_history = False
    if chosen.json:
        state = {"flow": chosen.flow, "lake": lake.url, "seconds": round(seconds, 3)}
        found = {"artifacts": made, "scores": scores(lake), "report": str(page)}
        output.document({**state, **found})
        return 0
    _print_scores(lake, set(MODELS))
    print(f"demo: done in {terminal.duration(seconds)}; report: {page}")
    print(f"pages in the browser, and an API: crawl2chat serve --lake {lake.url}\n")
    if sys.stdin.isatty():
        return chat(chosen)
    sums = _unseen_sums(lake)
    return converse(chosen, [*GREETINGS, *sums], sums)


def _unseen_sums(lake: Lake) -> dict[str, str]:
    """Questions that no stage was trained on and no page states, with their right answers.

    They are drawn as the evaluation draws its own, with another seed.
    """
    from pipeline.corpus.read import corpus_batches
    from pipeline.evals.arithmetic_suite import draw, stated_sums
    from pipeline.evals.asking import spread
    from pipeline.evals.config import EvalsConfig

    recipe = lake.manifest("evals", lake.heads()["evals.rl"]).recipe
    digits = tuple(recipe["digits"])
    asked = EvalsConfig(seed=recipe["seed"] + 1, digits=digits, sums_per_pair=1)
    corpus = lake.local("corpus", lake.heads()["corpus"])
    batches = corpus_batches(corpus, ["text"])
    stated = stated_sums(text for batch in batches for text in batch["text"].to_pylist())
    drawn = sorted(draw(asked, stated), key=lambda item: item.digits)
    return {item.question: item.answer for item in spread(drawn, SUMS)}


def evaluate(chosen: argparse.Namespace) -> int:
    """Scores of the newest models; what isn't measured yet is measured now."""
    from pipeline.evals.config import ALL_SUITES

    for suite in chosen.suite or []:
        if suite not in ALL_SUITES:
            raise UserError(f"unknown suite {suite!r}: one of {', '.join(ALL_SUITES)}")
    if chosen.model not in (None, *MODELS):
        from flows.cli.eval_folder import measure

        return measure(chosen)
    if chosen.out:
        raise UserError(
            "--out is for the scores of a folder; those of the lake's models stay in it"
        )
    lake = Lake(chosen.lake)
    heads = lake.heads()
    models = [chosen.model] if chosen.model else [m for m in MODELS if m in heads]
    missing = [slot for slot in ("corpus", *models) if slot not in heads]
    if missing or not models:
        raise UserError(f"no {(missing or ['model'])[0]} in lake {lake.url} yet: run a flow first")
    config = _asked_before(lake, heads, models, chosen)
    made = {
        slot: reference(lake.manifest(slot, heads[slot]), lake)
        for slot in ("crawl", "corpus", *models)
        if slot in heads
    }
    _run("evaluate", config, lake, made=made, models=tuple(models))
    if chosen.json:
        output.document(scores(lake, set(models), set(chosen.suite or ())))
    else:
        _print_scores(lake, set(models), set(chosen.suite or ()), whole=True)
    return 0


def _asked_before(
    lake: Lake, heads: dict[str, str], models: list[str], chosen: argparse.Namespace
) -> RunConfig:
    """What these models, or else the others, were asked; and what is asked for besides."""
    from pipeline.config import from_dict, to_dict
    from pipeline.evals.config import EvalsConfig

    config = load(changes=chosen.set)
    evals, tasks = to_dict(config.evals), tuple(chosen.tasks or ())
    fields = set(evals)
    slots = [f"evals.{m}" for m in (*models, *MODELS) if f"evals.{m}" in heads]
    if slots:
        before = lake.manifest("evals", heads[slots[0]])
        named = before.provenance.get("input_paths", {}).get("tasks", [])
        tasks = tasks or tuple(path for path in named if Path(path).is_file())
        given = [parse_change(change)[0].removeprefix("evals.") for change in chosen.set]
        given = [key for key in given if key in evals]
        known = {key: value for key, value in before.recipe.items() if key in fields}
        evals = {**evals, **known, **{key: evals[key] for key in given}}
    wanted = [*evals["suites"], *(chosen.suite or [])]
    evals["suites"] = [s for s in dict.fromkeys(wanted) if s != "core"]
    if "core" in (chosen.suite or []) and not tasks:
        raise UserError("suite core needs files of tasks: --tasks FOLDER")
    # not by way of a preset's table: its limits are for a model of that preset's size
    return config.model_copy(
        update={
            "evals": from_dict(EvalsConfig, evals),
            "input": dataclasses.replace(config.input, tasks=tasks),
        }
    )


def _config(chosen: argparse.Namespace) -> RunConfig:
    from flows import brought_files
    from flows.inputs import check, spoken

    given = {key: getattr(chosen, key) for key in FROM_OPTIONS}
    given["paths"] = chosen.input
    tables: dict[str, Any] = {"input": {key: value for key, value in given.items() if value}}
    if chosen.language:  # what is fetched in a language is also kept in it, by its own thresholds
        wanted = [spoken(chosen.language)]
        tables["scan"] = {"gate": {"languages": wanted}}
        tables["select"] = {"language": {"languages": wanted}, "per_language": True}
    config = load(chosen.preset or DEFAULT_PRESET, chosen.set, **tables)
    if not config.input.node_rank:  # another node reads no crawl
        check(config)  # before a server is started for nothing
        brought_files.check(config)
    return config


def _follow(config: RunConfig, lake: Lake) -> int:
    """Another node than the first: it runs no flow, but its part of what node 0 trains."""
    from flows.runner.nodes import follow

    follow(config.input, lake, lambda line: print(line, file=sys.stderr, flush=True))
    return 0


def _run(flow: str, config: RunConfig, lake: Lake, **more: Any) -> dict[str, Reference]:
    """One flow run under the configured server, or under one of its own."""
    settings.configure(terminal=True)
    lake.heads()  # a lake of a newer version is refused before anything starts
    lake.check_writable()
    if config.input.runner == "ray":
        check_shared()
    from flows.runner.nodes import told

    with api_server() as api:
        name = flow.replace("-", "_")
        function = getattr(importlib.import_module(f"flows.{name}"), name)
        api.wait()
        api.watch(_end_at_once)
        try:
            with terminal.shown(), told():
                made: dict[str, Reference] = function(config, lake.url, **more)
        finally:
            _send_rest()
    return made


def _end_at_once(reason: str) -> None:
    """Without its server a run has nobody to tell how it ends, and would ask for minutes.

    What it leaves is what a kill leaves: its processes die with it, the lake stays whole.
    """
    terminal.put_back()
    print(f"crawl2chat: {reason}", file=sys.stderr, flush=True)
    os._exit(1)


def _send_rest() -> None:
    """Logs and states wait in queues: empty them while the server still listens."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for queue in (APILogWorker, EventsWorker):
        queue.drain_all(timeout=10)


def _print_scores(
    lake: Lake, models: set[str], suites: set[str] | None = None, whole: bool = False
) -> None:
    """The stage table; after a run without the suites that only the base model is asked."""
    if not models:
        return
    from pipeline.evals.config import PAGE_SUITES
    from pipeline.report.scores import stage_table

    rows = scores(lake, models, suites)
    if not whole:
        rows = [row for row in rows if row["suite"] not in (*PAGE_SUITES[1:], "core")]
    head, body = stage_table(rows)
    output.rows(head, body, "What each stage changed (value, 95% interval, n)", most=len(body))
    if not whole and "base" in models:
        print("The base model as a reader and writer of pages: crawl2chat eval --model base")
