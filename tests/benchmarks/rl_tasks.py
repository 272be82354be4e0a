"""`make bench-rl` and `make bench-rl-hack`: one chat model practised in several ways, side by side.

An arm is a name and settings of RL (`pools:curriculum=pools,replacement_rounds=2`). Every arm
starts from the same model, and each seed draws anew. Beside what training saw (reward, right
answers, length, answers that taught nothing) stands what it did not: the share of right greedy
answers to held-out problems, by kind, before and after. A reward that rises while right answers
don't is hacked.
"""

import argparse
import dataclasses
import json
import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from pipeline import model as models
from pipeline.chat.conversation import STOP, prompt, user
from pipeline.curriculum.task_mixture import entries_of
from pipeline.curriculum.tasks import draw, is_right
from pipeline.intervals import wilson
from pipeline.model.engine import Engine
from pipeline.rl import train
from pipeline.rl.config import RlConfig
from pipeline.stage import SILENT
from storage.tables import read_table
from tests.benchmarks import kinds
from tests.benchmarks.tables import add_option, write_table

ARMS_TABLE = "rl-arms"
HACK_TABLE = "rl-hack"
ARMS = ("mixture", "pools:curriculum=pools", "replaced:replacement_rounds=2")
HACK = ("exact", "substring:reward=substring")
LAST = 5  # batches at a run's end, whose mean is reported
FIGURES = ("reward", "right", "length", "flat groups", "wasted answers", "answers sampled")


def settings(text: str) -> tuple[str, dict[str, Any]]:
    """An arm's name and its settings, each of the type that the config has."""
    name, _, rest = text.partition(":")
    types = {
        field.name: type(getattr(RlConfig(), field.name)) for field in dataclasses.fields(RlConfig)
    }
    pairs = [pair.split("=", 1) for pair in rest.split(",") if pair]
    return name, {key: types[key](value) for key, value in pairs}


def accuracy(folder: Path, mixture: Sequence[str], each: int, most: int) -> dict[str, list[bool]]:
    """Whether greedy answers to held-out problems are right, by kind.

    Args:
        folder: of a chat model.
        mixture: entries, whose kinds and levels are asked.
        each: problems of an entry.
        most: tokens of an answer.
    """
    model, tokenizer = models.load(folder)
    stop = tokenizer.special(STOP)
    found: dict[str, list[bool]] = {}
    for entry in mixture:
        tasks = draw(each, (entry,), random.Random(f"held out:{entry}"), split="evaluation")
        asked = [prompt([user(task.prompt)], tokenizer) for task in tasks]
        answers = Engine(model).generate(
            asked, max_new_tokens=most, temperature=0.0, stop_tokens=(stop,)
        )
        for task, (answer,) in zip(tasks, answers):
            text = tokenizer.decode(answer.tokens[:-1] if answer.stopped else answer.tokens)
            right = answer.stopped and is_right(task.kind, text, task.answer)
            found.setdefault(task.kind, []).append(right)
    return found


def practised(folder: Path) -> dict[str, float]:
    """What training saw in its last batches, and in all what it sampled for nothing."""
    rows = read_table(folder / "rl_levels.parquet").to_pylist()
    end = max(row["step"] for row in rows) - LAST
    late = [row for row in rows if row["step"] > end]

    def mean(column: str) -> float:
        return sum(r[column] * r["answers"] for r in late) / sum(r["answers"] for r in late)

    metrics: pa.Table = read_table(folder / "metrics.parquet")
    right = sum(r["pass_at_k"][0]["value"] * r["groups"] for r in late)
    sampled = sum(row["answers"] for row in rows)
    return {
        "reward": mean("reward"),
        "right": right / sum(r["groups"] for r in late),
        "length": mean("length"),
        "flat groups": statistics.fmean(metrics["flat_group_share"].to_pylist()),
        "wasted answers": sum(row["wasted_answers"] for row in rows) / sampled,
        "answers sampled": float(sampled),
    }


def run(chat: Path, config: RlConfig, folder: Path) -> None:
    """One run of RL from a chat model, without an interrogation and without rehearsal."""
    scratch = folder / "scratch"
    for each in (folder, scratch):
        each.mkdir(parents=True, exist_ok=True)
    train.build(folder, {"sft": [chat]}, config, SILENT, scratch)


def share(marks: Sequence[bool]) -> str:
    low, high = wilson(sum(marks), len(marks))
    return f"{100 * sum(marks) / len(marks):.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


def markdown(
    note: str,
    before: Mapping[str, list[bool]],
    after: Mapping[str, Mapping[str, list[bool]]],
    seen: Mapping[str, Sequence[Mapping[str, float]]],
) -> str:
    """Held-out answers by kind, then what training saw, a column an arm."""
    arms = list(after)
    lines = [note, "", f"| held-out problems | before | {' | '.join(arms)} |"]
    lines.append("|---" * (2 + len(arms)) + "|")
    for kind, marks in before.items():
        cells = [share(marks), *(share(after[arm][kind]) for arm in arms)]
        lines.append(f"| {kind.replace('_', ' ')} | {' | '.join(cells)} |")
    lines += ["", f"| in training | {' | '.join(arms)} |", "|---" * (1 + len(arms)) + "|"]
    for figure in FIGURES:
        cells = [_over_seeds(figure, [one[figure] for one in seen[arm]]) for arm in arms]
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _over_seeds(figure: str, values: Sequence[float]) -> str:
    form = ".0f" if figure in ("length", "answers sampled") else ".2f"
    spread = f" ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{form}}{spread}"


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--chat", type=Path, required=True, help="folder of a chat model")
    found.add_argument("--arm", action="append", default=[], metavar="NAME:KEY=VALUE,…")
    found.add_argument(
        "--hack", action="store_true", help="the arms of a flawed and a whole reward"
    )
    found.add_argument("--tasks", nargs="+", default=["sum:3-5=1"], metavar="KIND:LEVELS=WEIGHT")
    found.add_argument("--steps", type=int, default=40)
    found.add_argument("--prompts", type=int, default=48)
    found.add_argument("--answers", type=int, default=8)
    found.add_argument("--max-new-tokens", type=int, default=112)
    found.add_argument("--seeds", type=int, default=3)
    found.add_argument("--held-out", type=int, default=100, help="problems of each entry")
    found.add_argument("--threads", type=int, default=2)
    found.add_argument("--out", type=Path, help="folder for the models and rl_tasks.json")
    add_option(found)
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = parser().parse_args(arguments)
    entries_of(options.tasks)
    with tempfile.TemporaryDirectory() as temporary:
        return compare(options, options.out or Path(temporary))


def compare(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every arm with every seed, and the table."""
    torch.set_num_threads(options.threads)
    most = options.max_new_tokens
    base = RlConfig(
        steps=options.steps,
        prompts_per_step=options.prompts,
        answers_per_prompt=options.answers,
        max_new_tokens=most,
        tasks=tuple(options.tasks),
        honesty_share=0.0,
        rehearsal_rows=0,
        threads=options.threads,
        device="cpu",
    )
    given = options.arm or (HACK if options.hack else ARMS)
    before = accuracy(options.chat, options.tasks, options.held_out, most)
    after: dict[str, dict[str, list[bool]]] = {}
    seen: dict[str, list[dict[str, float]]] = {}
    for name, changes in map(settings, given):
        for seed in range(options.seeds):
            out = folder / f"{name}-{seed}"
            run(options.chat, dataclasses.replace(base, seed=seed, **changes), out)
            seen.setdefault(name, []).append(practised(out))
            for kind, marks in accuracy(out, options.tasks, options.held_out, most).items():
                after.setdefault(name, {}).setdefault(kind, []).extend(marks)
            print(name, seed, json.dumps(seen[name][-1]), flush=True)
    note = (
        f"{options.seeds} seeds of {options.steps} steps x {options.prompts} prompts x"
        f" {options.answers} answers of {', '.join(options.tasks)}; shares with Wilson's 95% over"
        f" the questions of all seeds, in training the mean of the last {LAST} batches (of flat"
        f" groups and wasted answers of all). {kinds.note(kinds.kinds()[:1])}"
    )
    text = markdown(note, before, after, seen)
    print(text)
    (folder / "rl_tasks.json").write_text(json.dumps({"note": note, "seen": seen}, indent=1) + "\n")
    if options.write:
        write_table(options.write, HACK_TABLE if options.hack else ARMS_TABLE, text)
    return {"before": before, "after": after, "seen": seen}


if __name__ == "__main__":
    main()
