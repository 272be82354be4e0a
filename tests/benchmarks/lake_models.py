"""Fine-tuning of a finished demo's models, for tables that ask what other conversations bring.

In: a lake of a demo, which is only read. Its base models' contexts are stretched, then they are
fine-tuned and measured by the stages themselves; what is made stays in a folder, and is made once.
"""

import argparse
import dataclasses
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

BESIDE = ("facts", "arithmetic", "spelling")  # suites that are asked without tools
SAME = (
    ("facts", "question_often", "recall"),
    ("arithmetic", "different_lengths", "accuracy"),
    ("spelling", "all", "accuracy"),
)
Scores = Mapping[str, Sequence[Any]]  # suite/task/metric: value and n


@dataclasses.dataclass(frozen=True)
class Tuning:
    """How a base model is fine-tuned, where it isn't as the demo does."""

    context: int  # tokens
    rows: int  # of so many tokens a step, a fifth of them pages
    steps: int
    extend_steps: int  # on longer rows, before
    conversations: ConversationsConfig
    rate_factor: float = SftConfig().rate_factor
    mixture: tuple[str, ...] = ()


def parser(purpose: str | None, steps: int) -> argparse.ArgumentParser:
    """What each of these scripts takes.

    Args:
        purpose: of the script.
        steps: of fine-tuning, if none are said.
    """
    made = argparse.ArgumentParser(description=purpose)
    made.add_argument("--lake", type=Path, required=True, help="of a finished demo")
    made.add_argument("--work", type=Path, required=True, help="folder; what is there is kept")
    made.add_argument("--seeds", type=int, default=1, help="of the lake's base models")
    made.add_argument("--steps", type=int, default=steps, help="of fine-tuning")
    made.add_argument("--threads", type=int, default=cores.cores())
    add_option(made)
    return made


def tuned(given: argparse.Namespace, base: Path, name: str, tuning: Tuning) -> Path:
    """A base model with a longer context, fine-tuned.

    Args:
        given: what `parser` read.
        base: of the lake.
        name: of the conversations, by which they and the model are kept.
        tuning: how.
    """
    lake, place, work = given.lake, place_of(given), given.work / base.name
    tokens = latest(lake, "tokens")
    stretched = made(
        work / "extended",
        extend.STAGE,
        {"base": [base], "tokens": [tokens]},
        ExtendConfig(
            context=tuning.context,
            loop=LoopConfig(
                steps=tuning.extend_steps, rows_per_step=tuning.rows, validation_rows=24
            ),
            **place,
        ),
    )
    talks = made(
        given.work / f"conversations-{name}",
        conversations.STAGE,
        {"corpus": [latest(lake, "corpus")], "tokenizer": [latest(lake, "tokenizer")]},
        dataclasses.replace(tuning.conversations, max_tokens=tuning.context - 2),
    )
    loop = LoopConfig(
        steps=tuning.steps,
        rows_per_step=tuning.rows,
        warmup_steps=20,
        validate_every=300,
        validation_rows=32,
    )
    config = SftConfig(
        loop=loop,
        mixture=tuning.mixture,
        rate_factor=tuning.rate_factor,
        seed=seed_of(base),
        **place,
    )
    inputs = {"base": [stretched], "conversations": [talks], "tokens": [tokens]}
    return made(work / f"sft-{name}", train.STAGE, inputs, config)


def beside_the_demo(
    given: argparse.Namespace, base: Path, model: Path, suite: str
) -> tuple[Scores, Scores]:
    """A model's scores on a suite and on `BESIDE`, and the demo's own fine-tuned model's on these.

    Args:
        given: what `parser` read.
        base: of the lake.
        model: fine-tuned from it.
        suite: that the demo's model isn't asked.
    """
    demo = next(f for f in (given.lake / "sft").iterdir() if tuned_from(f, base))
    mine, other = (
        scores_of(given, base, folder, name, suites)
        for name, folder, suites in (("evals", model, (suite, *BESIDE)), ("demo", demo, BESIDE))
    )
    return mine, other


def scores_of(
    given: argparse.Namespace,
    base: Path,
    model: Path,
    name: str,
    suites: tuple[str, ...],
    **settings: Any,
) -> Scores:
    """The scores of a model.

    Args:
        given: what `parser` read.
        base: of the lake, from which it came.
        model: to be asked.
        name: by which the scores are kept.
        suites: to be asked.
        settings: of `EvalsConfig`.
    """
    config = EvalsConfig(
        model="sft", suites=suites, seed=seed_of(base), **place_of(given), **settings
    )
    inputs = {
        "model": [model],
        "corpus": [latest(given.lake, "corpus")],
        "crawl": [latest(given.lake, "crawl")],
    }
    evals = made(given.work / base.name / name, evaluate.STAGE, inputs, config)
    found: Scores = json.loads((evals / "statistics.json").read_text())["scores"]
    return found


def show(given: argparse.Namespace, name: str, text: str, what: str, started: float) -> None:
    """Print a table with how it was made, and write it where that is asked for.

    Args:
        given: what `parser` read.
        name: of the table.
        text: Markdown.
        what: was trained, in words.
        started: of `time.perf_counter`.
    """
    minutes = (time.perf_counter() - started) / 60
    seeds = len(bases(given.lake)[: given.seeds])
    text += (
        f"\n\n{seeds} seed(s), {given.steps:,} steps of fine-tuning, {what}; {minutes:.0f}"
        f" minutes with {given.threads} thread(s) of {processor()}, load {os.getloadavg()[0]:.1f}"
        " at the end."
    )
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, name, text)


def place_of(given: argparse.Namespace) -> dict[str, Any]:
    """Where stages run."""
    return {"threads": given.threads, "device": "cpu"}


def seed_of(base: Path) -> int:
    """The seed of a base model."""
    seed: int = manifest(base)["recipe"]["seed"]
    return seed


def bases(lake: Path) -> list[Path]:
    """The base models of a lake, by seed."""
    return sorted((lake / "base").iterdir(), key=seed_of)


def latest(lake: Path, kind: str) -> Path:
    """The folder of the lake's newest artifact of a kind."""
    head = json.loads((lake / "heads.json").read_text())["heads"]
    return lake / kind / str(head[kind])[:16]


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
