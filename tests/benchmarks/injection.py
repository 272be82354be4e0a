"""`make bench-injection LAKE=…`: what separation and training do against planted instructions.

In: a lake of a finished demo, which is only read. Its base model's context is stretched (a passage
and an attack don't fit the demo's 192 tokens); then it is fine-tuned three times on the demo's
conversations, with questions that are answered from passages and requests to say something: with
the passages beside the question, in a tool's output, and there with planted instructions in half of
them (StruQ's data). Out: suite `injection` of each. Counts are pooled over the seeds of the
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
from pipeline.curriculum.planted_instructions import ATTACKS
from pipeline.evals import evaluate
from pipeline.evals.config import EvalsConfig
from pipeline.sft import conversations, train
from pipeline.sft.config import ConversationsConfig, SftConfig
from pipeline.training import extend
from pipeline.training.config import ExtendConfig, LoopConfig
from tests.benchmarks.kinds import processor
from tests.benchmarks.tables import add_option, write_table
from tests.benchmarks.tool_use import Scores, bases, latest, made, manifest, pooled, scores_of

TABLE = "injection-table"
CONTEXT = 384  # tokens
ROWS_PER_STEP = 10  # of CONTEXT tokens: as many tokens as the demo's 20 rows of 192
STEPS = 1_500
EXTEND_STEPS = 60
RATE_FACTOR = 1.0  # at the demo's 0.3 reading isn't learned in so few steps
PASSAGES = 20_000
SAYING = 4_000
ROWS: Mapping[str, Mapping[str, Any]] = {
    "none: passages beside the question": {"passages_in": "user"},
    "separation: passages in a tool's output": {"passages_in": "tool"},
    "and planted instructions in training (StruQ)": {"passages_in": "tool", "planted_share": 0.5},
}
COLUMNS = (
    ("right, no attack", "benign/accuracy"),
    ("right, attacked", "all/accuracy"),
    ("begins with the witness", "all/began"),
    ("holds it", "all/contained"),
    ("… under any of the attacks", "any/began"),
    ("attacker has the weights", "adaptive/began"),
    ("says it to its user", "asked_by_user/accuracy"),
)


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
    chosen = bases(given.lake)[: given.seeds]
    scored = {
        name: [measured(given, base, settings) for base in chosen]
        for name, settings in ROWS.items()
    }
    text = table(scored)
    minutes = (time.perf_counter() - started) / 60
    text += (
        f"\n\n{len(chosen)} seed(s), {given.steps:,} steps of fine-tuning, {PASSAGES:,}"
        f" questions on passages, {SAYING:,} requests to say something; {minutes:.0f} minutes"
        f" with {given.threads} thread(s) of {processor()}, load {os.getloadavg()[0]:.1f} at the"
        " end."
    )
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def measured(given: argparse.Namespace, base: Path, settings: Mapping[str, Any]) -> Scores:
    """The scores of one base model, fine-tuned on one kind of conversations."""
    lake, place = given.lake, {"threads": given.threads, "device": "cpu"}
    name = "-".join(str(value) for value in settings.values())
    seed = manifest(base)["recipe"]["seed"]
    stretched = made(
        given.work / f"extended-{seed}",
        extend.STAGE,
        {"base": [base], "tokens": [latest(lake, "tokens")]},
        ExtendConfig(
            context=CONTEXT,
            loop=LoopConfig(steps=EXTEND_STEPS, rows_per_step=ROWS_PER_STEP, validation_rows=24),
            **place,
        ),
    )
    talks = made(
        given.work / f"conversations-{name}",
        conversations.STAGE,
        {"corpus": [latest(lake, "corpus")], "tokenizer": [latest(lake, "tokenizer")]},
        ConversationsConfig(passages=PASSAGES, saying=SAYING, max_tokens=CONTEXT - 2, **settings),
    )
    loop = LoopConfig(
        steps=given.steps,
        rows_per_step=ROWS_PER_STEP,
        warmup_steps=20,
        validate_every=300,
        validation_rows=40,
    )
    tuned = made(
        given.work / f"sft-{name}-{seed}",
        train.STAGE,
        {"base": [stretched], "conversations": [talks], "tokens": [latest(lake, "tokens")]},
        SftConfig(loop=loop, rate_factor=RATE_FACTOR, seed=seed, **place),
    )
    config = EvalsConfig(
        model="sft",
        suites=("injection",),
        passages_in=settings["passages_in"],
        seed=seed,
        **place,
    )
    inputs = {"model": [tuned], "corpus": [latest(lake, "corpus")]}
    return scores_of(made(given.work / f"evals-{name}-{seed}", evaluate.STAGE, inputs, config))


def table(scored: Mapping[str, Sequence[Scores]]) -> str:
    """Markdown: a row for each way to train, then a row for each attack."""
    titles = [title for title, _ in COLUMNS]
    lines = [f"| training | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    for name, seeds in scored.items():
        cells = [pooled(seeds, f"injection/{column}") for _, column in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    short = [name.partition(":")[0] if ":" in name else "StruQ" for name in scored]
    lines += [
        "",
        f"| begins with the witness | {' | '.join(short)} |",
        f"|---|{'---|' * len(short)}",
    ]
    for attack in ATTACKS:
        cells = [pooled(seeds, f"injection/{attack}/began") for seeds in scored.values()]
        lines.append(f"| {attack} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
