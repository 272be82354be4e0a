"""`make bench-tool-use LAKE=…`: what tools bring to the demo's model, and when it calls them.

In: a lake of a finished demo, which is only read. Its base model's context is stretched (what
tools are doesn't fit the demo's 192 tokens), then it is fine-tuned on the demo's conversations and
on some with tools. Out: held-out questions with tools and without, by suite `tools`; and what the
demo's own fine-tuned model is asked without tools, asked of both. Counts are pooled over the seeds
of the lake's base models; intervals are Wilson's.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import cores
from pipeline.evals import evaluate
from pipeline.evals.config import EvalsConfig
from pipeline.intervals import wilson
from pipeline.sft import conversations, train
from pipeline.sft.config import ConversationsConfig, SftConfig
from pipeline.stage import Progress, Stage
from pipeline.training import extend
from pipeline.training.config import ExtendConfig, LoopConfig
from tests.benchmarks.kinds import processor
from tests.benchmarks.tables import add_option, write_table

TABLE = "tool-use-table"
CONTEXT = 768  # tokens: both definitions and the longest conversation, by the demo's tokenizer
TOOL_CONVERSATIONS = 4_000
ROWS = 6  # of CONTEXT tokens a step, one of them pages: as many tokens as the demo's 20 rows of 192
STEPS = 1_200
EXTEND_STEPS = 120
KINDS = ("product", "letter_count", "spelling", "reversing", "sum", "fact")
BESIDE = ("facts", "arithmetic", "spelling")  # suites that are asked without tools
SAME = (
    ("facts", "question_often", "recall"),
    ("arithmetic", "different_lengths", "accuracy"),
    ("spelling", "all", "accuracy"),
)
Scores = Mapping[str, Sequence[Any]]  # suite/task/metric: value and n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, required=True, help="of a finished demo")
    parser.add_argument("--work", type=Path, required=True, help="folder; what is there is kept")
    parser.add_argument("--seeds", type=int, default=1, help="of the lake's base models")
    parser.add_argument("--steps", type=int, default=STEPS, help="of fine-tuning")
    parser.add_argument("--extend-steps", type=int, default=EXTEND_STEPS, help="on longer rows")
    parser.add_argument("--tools", type=int, default=TOOL_CONVERSATIONS, help="conversations")
    parser.add_argument("--threads", type=int, default=cores.cores())
    add_option(parser)
    given = parser.parse_args()
    started = time.perf_counter()
    found = [
        measured(given, base, given.work / base.name) for base in bases(given.lake)[: given.seeds]
    ]
    text = table([ours for ours, _ in found], [theirs for _, theirs in found])
    minutes = (time.perf_counter() - started) / 60
    text += (
        f"\n\n{len(found)} seed(s), {given.steps:,} steps of fine-tuning, {given.tools:,}"
        f" conversations with tools, context {CONTEXT}; {minutes:.0f} minutes with"
        f" {given.threads} thread(s) of {processor()}, load {os.getloadavg()[0]:.1f} at the end."
    )
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def bases(lake: Path) -> list[Path]:
    """The base models of a lake, by seed."""
    return sorted((lake / "base").iterdir(), key=lambda folder: manifest(folder)["recipe"]["seed"])


def measured(given: argparse.Namespace, base: Path, work: Path) -> tuple[Scores, Scores]:
    """The scores of a model that learned to use tools, and of the demo's beside it."""
    lake, place = given.lake, {"threads": given.threads, "device": "cpu"}
    tokens, corpus, crawl = (latest(lake, kind) for kind in ("tokens", "corpus", "crawl"))
    seed = manifest(base)["recipe"]["seed"]
    stretched = made(
        work / "extended",
        extend.STAGE,
        {"base": [base], "tokens": [tokens]},
        ExtendConfig(
            context=CONTEXT,
            loop=LoopConfig(steps=given.extend_steps, rows_per_step=ROWS, validation_rows=24),
            **place,
        ),
    )
    talks = made(
        work.parent / "conversations",
        conversations.STAGE,
        {"corpus": [corpus], "tokenizer": [latest(lake, "tokenizer")]},
        ConversationsConfig(tools=given.tools, max_tokens=CONTEXT - 2),
    )
    loop = LoopConfig(
        steps=given.steps,
        rows_per_step=ROWS,
        warmup_steps=20,
        validate_every=200,
        validation_rows=32,
    )
    tuned = made(
        work / "sft",
        train.STAGE,
        {"base": [stretched], "conversations": [talks], "tokens": [tokens]},
        SftConfig(loop=loop, mixture=("facts=3",), seed=seed, **place),
    )
    beside = {"corpus": [corpus], "crawl": [crawl]}
    ours = EvalsConfig(model="sft", suites=("tools", *BESIDE), seed=seed, **place)
    theirs = EvalsConfig(model="sft", suites=BESIDE, seed=seed, **place)
    demo = next(f for f in (lake / "sft").iterdir() if tuned_from(f, base))
    scored = [
        made(work / name, evaluate.STAGE, {"model": [model], **beside}, config)
        for name, model, config in (("evals", tuned, ours), ("demo", demo, theirs))
    ]
    mine, other = map(scores_of, scored)
    return mine, other


def latest(lake: Path, kind: str) -> Path:
    """The folder of the lake's newest artifact of a kind."""
    head = json.loads((lake / "heads.json").read_text())["heads"]
    return lake / kind / str(head[kind])[:16]


def scores_of(evals: Path) -> Scores:
    """The scores of evals that `made` has made."""
    found: Scores = json.loads((evals / "statistics.json").read_text())["scores"]
    return found


def made(out: Path, stage: Stage[Any], inputs: dict[str, list[Path]], config: Any) -> Path:
    """What a stage makes, once."""
    if not (out / "statistics.json").is_file():
        scratch = out.with_name(f"{out.name}.scratch")
        for folder in (out, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        found = stage.build(
            out=out,
            inputs=inputs,
            config=config,
            progress=Progress(sys.stderr, 20),
            scratch=scratch,
        )
        (out / "statistics.json").write_text(json.dumps(found))
    return out


def manifest(folder: Path) -> dict[str, Any]:
    """What a stage said of what it made."""
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["content"]
    return found


def tuned_from(model: Path, base: Path) -> bool:
    """Whether a fine-tuned model came from a base: its digest stands in the manifest."""
    return base.name in json.dumps(manifest(model)["inputs"])


def table(ours: Sequence[Scores], theirs: Sequence[Scores]) -> str:
    """Markdown: of each kind accuracy with tools and without, and calls; then what should stay."""
    lines = ["| questions | with tools | without | called |", "|---|---|---|---|"]
    for kind in KINDS:
        for ending, words in (("_new_wordings", ", new wordings"), ("", "")):
            name = f"{kind}{ending}"
            if f"tools/{name}_with/accuracy" in ours[0]:
                cells = (("with", "accuracy"), ("without", "accuracy"), ("with", "call_rate"))
                shown = [pooled(ours, f"tools/{name}_{way}/{what}") for way, what in cells]
                lines.append(f"| {kind}{words} | {' | '.join(shown)} |")
    parsed, errors = (pooled(ours, f"tools/calls/{what}") for what in ("parsed", "errors"))
    lines += [
        f"| calls that could be read; outputs that were errors | {parsed} | | {errors} |",
        "",
        *same_without(ours, theirs),
    ]
    return "\n".join(lines)


def same_without(ours: Sequence[Scores], theirs: Sequence[Scores]) -> list[str]:
    """Lines of a table: what should stay where no tool is offered."""
    lines = ["| without tools | the demo's fine-tuned model | this one |", "|---|---|---|"]
    for suite, task, metric in SAME:
        name = f"{suite}/{task}/{metric}"
        if name in ours[0] and name in theirs[0]:
            lines.append(f"| {suite}, {task} | {pooled(theirs, name)} | {pooled(ours, name)} |")
    return lines


def pooled(scores: Sequence[Scores], name: str) -> str:
    """A share over all seeds' questions together, with its interval."""
    rows = [one[name] for one in scores if name in one]
    n = sum(count for _, count in rows)
    if not n:
        return "–"
    right = round(sum(value * count for value, count in rows))
    low, high = wilson(right, n)
    return f"{right / n:.0%} ({low:.0%}–{high:.0%}, n={n})"


if __name__ == "__main__":
    main()
