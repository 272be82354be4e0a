"""`make bench-pass-at-k`: pass@1 to pass@256 of base, fine-tuned and reinforced model.

Each model answers the same held-out problems many times, as its own kind is asked: a chat model in
a conversation, a base model on a page. A curve says how often one of k answers is right, by the
estimate without bias; the published warning is that RL lifts its left end while the base overtakes
it at its right (Yue et al. 2025, arXiv 2504.13837). Whatever comes is printed, with the first k at
which an earlier model reaches and passes a later one.
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline import model as models
from pipeline.chat.conversation import STOP, prompt, user
from pipeline.curriculum.task_type import Task
from pipeline.curriculum.tasks import draw, is_right
from pipeline.model.engine import Engine
from pipeline.report import charts
from pipeline.rl.pass_at_k import interval, pass_at_k, powers
from storage import Lake
from tests.benchmarks import kinds
from tests.benchmarks.tables import add_option, write_table

TABLE = "pass-at-k"
STAGES = {"base": "base", "sft": "SFT", "rl": "RL"}
BOOTSTRAP = 2_000


def right_answers(folder: Path, tasks: Sequence[Task], options: argparse.Namespace) -> list[int]:
    """How many of a model's answers to each task are right.

    Args:
        folder: of the model.
        tasks: what it is asked.
        options: `samples`, `max_new_tokens`, `temperature`, `seed`.
    """
    model, tokenizer = models.load(folder)
    chats = tokenizer.has_conversation_tokens
    if chats:
        stops = {tokenizer.special(STOP)}
        asked = [prompt([user(task.prompt)], tokenizer) for task in tasks]
    else:  # as evals ask it: a line of a page, and the next one is the answer
        stops = set(tokenizer.stop_tokens)
        stops |= {id for id, text in enumerate(tokenizer.token_bytes) if b"\n" in text}
        asked = [
            [tokenizer.document_token, *tokenizer.encode(f"{task.prompt}\n")] for task in tasks
        ]
    found = Engine(model).generate(
        asked,
        samples=options.samples,
        max_new_tokens=options.max_new_tokens,
        temperature=options.temperature,
        stop_tokens=tuple(sorted(stops)),
        seed=options.seed,
    )
    right = []
    for task, answers in zip(tasks, found):
        texts = [tokenizer.decode(a.tokens[:-1] if a.stopped else a.tokens) for a in answers]
        right.append(
            sum(
                is_right(task.kind, text, task.answer) and (answer.stopped or not chats)
                for text, answer in zip(texts, answers)
            )
        )
    return right


def curve(right: Sequence[int], n: int, seed: int) -> list[dict[str, float]]:
    """pass@k with its 95% interval over prompts, for k = 1, 2, 4, … n."""
    points = []
    for k in powers(n):
        each = [pass_at_k(n, count, k) for count in right]
        low, high = interval(each, BOOTSTRAP, seed)
        points.append({"k": k, "value": sum(each) / len(each), "low": low, "high": high})
    return points


def crossings(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    """For each earlier and later model a sentence: where the earlier one comes up and goes by."""
    names = list(curves)
    said = []
    for place, later in enumerate(names):
        for earlier in names[:place]:
            pairs = list(zip(curves[earlier], curves[later]))
            most = pairs[-1][0]["k"]
            reached = [a["k"] for a, b in pairs if a["value"] >= b["value"]]
            passed = [a["k"] for a, b in pairs if a["value"] > b["value"]]
            said.append(
                f"{earlier} reaches {later} {_at(reached, most)} and passes it {_at(passed, most)}"
            )
    return said


def _at(found: Sequence[float], most: float) -> str:
    return f"at k = {found[0]:.0f}" if found else f"at no k up to {most:.0f}"


def markdown(curves: Mapping[str, Sequence[Mapping[str, float]]], note: str) -> str:
    """A line a k, a column a model."""
    names = list(curves)
    lines = [note, "", f"| k | {' | '.join(names)} |", "|--:" * (1 + len(names)) + "|"]
    for points in zip(*curves.values()):
        cells = [
            f"{100 * p['value']:.1f}% [{100 * p['low']:.1f}, {100 * p['high']:.1f}]" for p in points
        ]
        lines.append(f"| {points[0]['k']:.0f} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{'; '.join(crossings(curves))}."])


def folders(lake: Path) -> dict[str, Path]:
    """The newest models of a lake, by their names in the table."""
    heads = Lake(lake).heads()
    return {name: lake / kind / heads[kind][:16] for kind, name in STAGES.items() if kind in heads}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--lake", type=Path, default=Path("lake"))
    found.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER")
    found.add_argument("--tasks", nargs="+", default=["sum:3-5=1"], metavar="KIND:LEVELS=WEIGHT")
    found.add_argument("--prompts", type=int, default=60)
    found.add_argument("--samples", type=int, default=256)
    found.add_argument("--max-new-tokens", type=int, default=112)
    found.add_argument("--temperature", type=float, default=1.0)
    found.add_argument("--threads", type=int, default=2)
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--out", type=Path, help="folder for pass_at_k.png and pass_at_k.json")
    add_option(found)
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    given = dict(text.split("=", 1) for text in options.model)
    named = {name: Path(folder) for name, folder in given.items()} or folders(options.lake)
    rng = random.Random(f"{options.seed}:pass_at_k")
    tasks = draw(options.prompts, options.tasks, rng, split="evaluation")
    counts = {name: right_answers(folder, tasks, options) for name, folder in named.items()}
    curves = {name: curve(right, options.samples, options.seed) for name, right in counts.items()}
    note = (
        f"{len(tasks)} held-out prompts ({', '.join(options.tasks)}) x {options.samples} answers at"
        f" temperature {options.temperature:g}; 95% by bootstrap over prompts. Made by"
        f" `make bench-pass-at-k`. {kinds.note(kinds.kinds()[:1])}"
    )
    text = markdown(curves, note)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        points = {name: [(p["k"], p["value"]) for p in own] for name, own in curves.items()}
        picture = charts.line("pass@k", points, "answers (k)", "share of prompts", doubling=True)
        (options.out / "pass_at_k.png").write_bytes(picture)
        kept = {"note": note, "right": counts, "curves": curves}
        (options.out / "pass_at_k.json").write_text(json.dumps(kept, indent=1) + "\n")
    if options.write:
        write_table(options.write, TABLE, text)
    return curves


if __name__ == "__main__":
    main()
