"""`make bench-distill`: what rewards, a teacher's distribution and its answers teach, by tokens.

Of each seed of a lake of `make bench` the student is the model that its RL began with and the
teacher the one that RL made of it. From the same student, on sums of RL's split: RL; on-policy
distillation (the student's answers, each token against the teacher's distribution); fine-tuning on
right answers of the teacher. All learn from the same number of answer tokens, and are then asked
the same sums of the evaluations' split, greedily. Pages say what was forgotten.
"""

import argparse
import dataclasses
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import model as models
from pipeline.curriculum.tasks import check, draw
from pipeline.evals import asking, page_bits
from pipeline.evals.config import EvalsConfig
from pipeline.intervals import wilson
from pipeline.rl import solutions, train
from pipeline.rl.config import RlConfig, SolutionsConfig
from pipeline.sft import train as tuning
from pipeline.sft.config import SftConfig
from pipeline.stage import SILENT
from pipeline.training.config import LoopConfig
from storage import Lake
from storage.manifest import Manifest
from storage.tables import read_table
from tests.benchmarks import kinds
from tests.benchmarks.demo_seeds import interval
from tests.benchmarks.tables import add_option, write_table

TABLE = "distillation-table"
TASKS = ("sum:3-5=1",)
ASKED = 200  # sums of the evaluations' split
PAGES = 80
ROWS = 20  # of a step of fine-tuning
CONTEXT_SHARE = 0.5  # of a row's positions that an answer's tokens are, about


@dataclasses.dataclass(frozen=True)
class Models:
    """Of one seed: folders, and RL's recipe."""

    seed: int
    student: Path
    teacher: Path
    tokenizer: Path
    corpus: Path
    config: RlConfig


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a model can do."""

    right: int  # of ASKED
    bits_per_byte: float
    tokens: int  # of answers that it learned from


def find(lake: Lake, seeds: int) -> list[Models]:
    """The newest RL model of each seed."""
    newest: dict[int, Manifest] = {}
    for manifest in sorted(lake.manifests(lake.table("rl")), key=lambda m: m.provenance["created"]):
        newest[manifest.recipe["seed"]] = manifest
    if missing := set(range(seeds)) - newest.keys():
        raise SystemExit(f"no rl artifact of seed {min(missing)}: run `make bench` first")
    corpus, tokenizer = (lake.local(kind, lake.heads()[kind]) for kind in ("corpus", "tokenizer"))
    found = []
    for seed in range(seeds):
        manifest = newest[seed]
        begun = lake.manifest(None, manifest.inputs["sft"][0])
        found.append(
            Models(
                seed,
                lake.local(begun.kind, begun.digest),
                lake.local("rl", manifest.digest),
                tokenizer,
                corpus,
                RlConfig(seed=seed, device="cpu", threads=manifest.recipe["threads"]),
            )
        )
    return found


def measure(folder: Path, corpus: Path, tokens: int) -> Measured:
    """Ask a model sums that no stage trains, and read pages of the validation split."""
    model, tokenizer = models.load(folder)
    subject = asking.Subject(model, tokenizer, EvalsConfig(device="cpu"))
    tasks = draw(ASKED, TASKS, random.Random("distillation"), split="evaluation")
    replies = asking.ask_questions(subject, [task.prompt for task in tasks], 112)
    right = sum(check(task, reply.text, reply.stopped) for task, reply in zip(tasks, replies))
    pages = page_bits.choose(page_bits.Pages(corpus, "validation"), PAGES, 10**9)
    return Measured(right, page_bits.measure(subject, pages).bits_per_byte, tokens)


def reinforced(given: Models, config: RlConfig, out: Path, **inputs: list[Path]) -> int:
    """RL, or distillation by its settings; gives the answers' tokens."""
    out.mkdir(parents=True)
    scratch = out.with_suffix(".scratch")
    scratch.mkdir()
    all_inputs: Any = {"sft": [given.student], **inputs}
    made = train.build(out, all_inputs, config, SILENT, scratch)
    assert made is not None
    return made["tokens"]


def tuned(given: Models, tokens: int, out: Path) -> int:
    """Fine-tune on right answers of the teacher, about so many tokens of them, each seen once."""
    work = out.with_suffix(".answers")
    for folder in (work, out, out.with_suffix(".scratch")):
        folder.mkdir(parents=True)
    asked = SolutionsConfig(
        prompts=max(64, tokens // 60),
        answers_per_prompt=1,
        tasks=TASKS,
        device="cpu",
        seed=given.seed,
        threads=given.config.threads,
        validation_fraction=0.0,
    )
    inputs: Any = {"teacher": [given.teacher], "tokenizer": [given.student]}
    scratch = out.with_suffix(".scratch")
    made = solutions.build(work, inputs, asked, SILENT, scratch)
    context = models.load(given.student)[0].config.max_context
    steps = max(4, round(min(tokens, made["loss_tokens"]) / (ROWS * context * CONTEXT_SHARE)))
    config = SftConfig(
        loop=LoopConfig(steps=steps, rows_per_step=ROWS, warmup_steps=2),
        pretraining_share=0.0,
        interpolation=1.0,
        rate_factor=given.config.rate_factor,
        device="cpu",
        threads=given.config.threads,
        seed=given.seed,
    )
    inputs = {"base": [given.student], "conversations": [work]}
    tuning.tune(out, inputs, config, SILENT, scratch, stage="sft")
    learned = read_table(out / "metrics.parquet")["tokens"][-1].as_py()
    return int(min(learned, made["loss_tokens"]))


def small(config: RlConfig, prompts: int, answers: int) -> RlConfig:
    """As many answers in all, in more steps of fewer."""
    more = config.prompts_per_step * config.answers_per_prompt // (prompts * answers)
    return dataclasses.replace(
        config, prompts_per_step=prompts, answers_per_prompt=answers, steps=more * config.steps
    )


def by_teacher(given: Models, config: RlConfig, out: Path) -> int:
    """On-policy distillation."""
    return reinforced(given, config, out, teacher=[given.teacher])


def alone(config: RlConfig) -> RlConfig:
    """The teacher's distribution without rewards, for which an answer needs no group."""
    return dataclasses.replace(config, policy_weight=0.0, distillation_weight=1.0)


WAYS: dict[str, Callable[[Models, RlConfig, int, Path], int]] = {
    "RL, steps of 48 x 8 answers": lambda given, config, tokens, out: reinforced(
        given, config, out
    ),
    "RL, steps of 6 x 8": lambda given, config, tokens, out: reinforced(
        given, small(config, 6, 8), out
    ),
    "on-policy distillation, steps of 48 x 8": lambda given, config, tokens, out: by_teacher(
        given, alone(config), out
    ),
    "on-policy distillation, steps of 48 x 1": lambda given, config, tokens, out: by_teacher(
        given, small(alone(config), 48, 1), out
    ),
    "fine-tuned on the teacher's right answers": lambda given, config, tokens, out: tuned(
        given, tokens, out
    ),
}


def run_seed(given: Models, steps: tuple[int, ...], work: Path) -> dict[tuple[str, int], Measured]:
    """All ways at all budgets, by way and RL's steps."""
    found = {
        ("student", 0): measure(given.student, given.corpus, 0),
        ("teacher", 0): measure(given.teacher, given.corpus, 0),
    }
    for count in steps:
        config = dataclasses.replace(
            given.config, steps=count, tasks=TASKS, honesty_share=0.0, rehearsal_rows=0
        )
        budget = 0
        for number, (name, way) in enumerate(WAYS.items()):
            out = work / f"{given.seed}-{count}-{number}"
            tokens = way(given, config, budget, out)
            budget = budget or tokens  # RL's, which the others get
            found[name, count] = measure(out, given.corpus, tokens)
            print(given.seed, count, name, found[name, count], flush=True)
    return found


def markdown(seeds: list[dict[tuple[str, int], Measured]]) -> str:
    """The table, a line a way and budget."""
    said = [
        f"{len(seeds)} seeds, mean and 95% interval (the wider of Student's t over seeds and"
        f" Wilson's over {len(seeds) * ASKED} sums). Made by `make bench-distill`. Equal: the"
        " student, the sums' kinds and split, the answer tokens of a budget (nearly), learning"
        " rates, optimizer. Not equal: the teacher is RL's own result from the same student after"
        " RL's full recipe, so on-policy distillation and fine-tuning learn from what it had to"
        f" find; a step of fine-tuning is smaller still ({ROWS} rows)."
        f" {kinds.note(kinds.kinds()[:1])}",
        "",
        "| what it learned from | worth steps of 48 x 8 answers | answer tokens | sums right |"
        " bits per byte of pages |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, steps in seeds[0]:
        rows = [found[name, steps] for found in seeds]
        shares = [row.right / ASKED for row in rows]
        mean, low, high = interval(shares, len(rows) * ASKED)
        if len(rows) == 1:
            low, high = wilson(rows[0].right, ASKED)
        bits = sum(row.bits_per_byte for row in rows) / len(rows)
        tokens = sum(row.tokens for row in rows) / len(rows)
        said.append(
            f"| {name} | {steps or '–'} | {f'{tokens:,.0f}' if tokens else '–'} |"
            f" {mean:.1%} [{100 * low:.1f}, {100 * high:.1f}] | {bits:.3f} |"
        )
    return "\n".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 20])
    add_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = [
            run_seed(given, tuple(options.steps), Path(work))
            for given in find(Lake(options.lake), options.seeds)
        ]
    table = markdown(found)
    print(table)
    if options.write:
        write_table(options.write, TABLE, table)


if __name__ == "__main__":
    main()
