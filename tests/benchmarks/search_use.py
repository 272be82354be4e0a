"""`make bench-search-use LAKE=…`: does the demo's model search for what it can't know?

In: a lake of a finished demo, which is only read. Its base model's context is stretched (what the
tool is and what it finds doesn't fit the demo's 192 tokens), then it is fine-tuned on the demo's
conversations and on some with a search. Out: suite `search`, with the controls; and what the demo's
own fine-tuned model is asked without tools, asked of both. Counts are pooled over the seeds of the
lake's base models; intervals are Wilson's.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import cores
from pipeline.evals import evaluate
from pipeline.evals.config import EvalsConfig
from pipeline.sft import conversations, train
from pipeline.sft.config import ConversationsConfig, SftConfig
from pipeline.training import extend
from pipeline.training.config import ExtendConfig, LoopConfig
from tests.benchmarks.kinds import processor
from tests.benchmarks.tables import add_option, write_table
from tests.benchmarks.tool_use import (
    Scores,
    bases,
    latest,
    made,
    manifest,
    pooled,
    same_without,
    scores_of,
    tuned_from,
)

TABLE = "search-use-table"
CONTEXT = 768  # tokens: the definition, a call, two passages and an answer, by the demo's tokenizer
SEARCH_CONVERSATIONS = 2_000
# What teaches to read at a quarter of the tokens: without it the model called for what it didn't
# know, and asked for another name than the question's.
READING: Mapping[str, Any] = {"passages": 20_000, "passages_in": "user", "saying": 2_000}
RATE_FACTOR = 1.0  # at the demo's 0.3 reading isn't learned in so few steps
ROWS = 5  # of CONTEXT tokens a step, one of them pages: as many tokens as the demo's 20 rows of 192
STEPS = 2_000
EXTEND_STEPS = 60
BESIDE = ("facts", "arithmetic", "spelling")  # suites that are asked without tools


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, required=True, help="of a finished demo")
    parser.add_argument("--work", type=Path, required=True, help="folder; what is there is kept")
    parser.add_argument("--seeds", type=int, default=1, help="of the lake's base models")
    parser.add_argument("--steps", type=int, default=STEPS, help="of fine-tuning")
    parser.add_argument("--threads", type=int, default=cores.cores())
    add_option(parser)
    given = parser.parse_args()
    started = time.perf_counter()
    found = [measured(given, base) for base in bases(given.lake)[: given.seeds]]
    text = table([ours for ours, _ in found], [theirs for _, theirs in found])
    minutes = (time.perf_counter() - started) / 60
    text += (
        f"\n\n{len(found)} seed(s), {given.steps:,} steps of fine-tuning, {SEARCH_CONVERSATIONS:,}"
        f" conversations with a search, {READING['passages']:,} questions on passages, context"
        f" {CONTEXT}; {minutes:.0f} minutes with"
        f" {given.threads} thread(s) of {processor()}, load {os.getloadavg()[0]:.1f} at the end."
    )
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def measured(given: argparse.Namespace, base: Path) -> tuple[Scores, Scores]:
    """The scores of a model that learned to search, and of the demo's beside it."""
    lake = given.lake
    place: dict[str, Any] = {"threads": given.threads, "device": "cpu"}
    tokens, corpus, crawl = (latest(lake, kind) for kind in ("tokens", "corpus", "crawl"))
    seed = manifest(base)["recipe"]["seed"]
    work = given.work / base.name
    stretched = made(
        work / "extended",
        extend.STAGE,
        {"base": [base], "tokens": [tokens]},
        ExtendConfig(
            context=CONTEXT,
            loop=LoopConfig(steps=EXTEND_STEPS, rows_per_step=ROWS, validation_rows=24),
            **place,
        ),
    )
    talks = made(
        given.work / "conversations",
        conversations.STAGE,
        {"corpus": [corpus], "tokenizer": [latest(lake, "tokenizer")]},
        ConversationsConfig(search=SEARCH_CONVERSATIONS, max_tokens=CONTEXT - 2, **READING),
    )
    loop = LoopConfig(
        steps=given.steps,
        rows_per_step=ROWS,
        warmup_steps=20,
        validate_every=300,
        validation_rows=32,
    )
    tuned = made(
        work / "sft",
        train.STAGE,
        {"base": [stretched], "conversations": [talks], "tokens": [tokens]},
        SftConfig(loop=loop, rate_factor=RATE_FACTOR, seed=seed, **place),
    )
    beside = {"corpus": [corpus], "crawl": [crawl]}
    ours = EvalsConfig(model="sft", suites=("search", *BESIDE), seed=seed, **place)
    theirs = EvalsConfig(model="sft", suites=BESIDE, seed=seed, **place)
    demo = next(f for f in (lake / "sft").iterdir() if tuned_from(f, base))
    mine, other = (
        scores_of(made(work / name, evaluate.STAGE, {"model": [model], **beside}, config))
        for name, model, config in (("evals", tuned, ours), ("demo", demo, theirs))
    )
    return mine, other


def table(ours: Sequence[Scores], theirs: Sequence[Scores]) -> str:
    """Markdown: both classes of facts with each retriever, citations, and what should stay."""

    def cells(*names: str) -> str:
        return " | ".join(pooled(ours, f"search/{name}") for name in names)

    lines = [
        "| facts | searched | right | … with passages at random | … with nothing found"
        " | … without a tool |",
        "|---|---|---|---|---|---|",
    ]
    for group, words in (("never", "no page states"), ("often", "pages state often")):
        ways = [f"{group}_{way}/accuracy" for way in ("search", "random", "empty", "alone")]
        lines.append(f"| {words} | {cells(f'{group}_search/call_rate', *ways)} |")
    lines += [
        "",
        "| of never-stated facts, the page was in the output | cited documents that hold the value"
        " | right answers that cite one |",
        "|---|---|---|",
        f"| {cells('never_search/found', 'citations/precision', 'citations/right_and_cited')} |",
        "",
        *same_without(ours, theirs),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
