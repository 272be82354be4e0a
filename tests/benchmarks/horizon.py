"""`make bench-horizon LAKE=…`: how long a task the demo's models carry through, RL or not.

In: a lake of a finished demo, which is only read. Its base model's context is stretched, then it is
fine-tuned on the demo's conversations and on running sums of up to eight turns, then reinforced on
longer ones, of which the last sum alone is judged. Out: suite `horizon` of each: the turns that it
carries through at half and at four fifths, and its accuracy after histories with planted errors;
with `--out` the curves. Counts are pooled over the seeds of the lake's base models, horizons are
the mean over them.
"""

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.evals.config import HORIZON_TURNS_SUITE, EvalsConfig
from pipeline.report import charts
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.sft.config import ConversationsConfig
from tests.benchmarks.lake_models import (
    BESIDE,
    Scores,
    Tuning,
    bases,
    made,
    parser,
    place_of,
    pooled,
    scores_of,
    seed_of,
    show,
    tuned,
)

TABLE = "horizon-table"
CONTEXT = 640  # tokens: some 16 turns with their steps, by the demo's tokenizer
ROWS_PER_STEP = 6  # of CONTEXT tokens: about as many tokens as the demo's 20 rows of 192
STEPS = 2_400
EXTEND_STEPS = 80
RATE_FACTOR = 1.0  # at the demo's 0.3 looking up isn't learned in so few steps
RUNNING_SUMS = 30_000
# Of RL's talks, drawn by pass rate: whatever length the model gets right now and then. With their
# steps no more turns have room.
RL_TURNS = {"running_sum": "2-24", "running_sum_worked": "2-14"}
MODES = ("direct", "worked")
STAGES = ("base", "fine-tuned", "and RL on the last sum")


def main() -> None:
    arguments = parser(__doc__, STEPS)
    arguments.add_argument("--rl-steps", type=int, default=24)
    arguments.add_argument("--prompts", type=int, default=32, help="of a step of RL")
    arguments.add_argument("--out", type=Path, help="folder for pictures")
    given = arguments.parse_args()
    started = time.perf_counter()
    tuning = Tuning(
        CONTEXT,
        ROWS_PER_STEP,
        given.steps,
        EXTEND_STEPS,
        ConversationsConfig(running_sums=RUNNING_SUMS),
        RATE_FACTOR,
    )
    scored: dict[str, list[Scores]] = {name: [] for name in STAGES}
    for base in bases(given.lake)[: given.seeds]:
        chat = tuned(given, base, "horizon", tuning)
        models = (given.work / base.name / "extended", chat, reinforced(given, base, chat))
        for name, model in zip(STAGES, models):
            file = f"evals-{STAGES.index(name)}"
            suites = ("horizon", *(() if name == "base" else BESIDE))
            scored[name].append(scores_of(given, base, model, file, suites))
    what = (
        f"{RUNNING_SUMS:,} running sums of 1 to 8 turns; RL: {given.rl_steps} steps of"
        f" {given.prompts} prompts x 8 answers of {' and '.join(RL_TURNS.values())} turns"
    )
    show(given, TABLE, table(scored), what, started)
    if given.out:
        draw(given.out, scored)


def reinforced(given: argparse.Namespace, base: Path, chat: Path) -> Path:
    """A chat model after RL on running sums of which the last sum alone is judged."""
    config = RlConfig(
        steps=given.rl_steps,
        prompts_per_step=given.prompts,
        tasks=tuple(f"{kind}:{turns}=1" for kind, turns in RL_TURNS.items()),
        curriculum="pools",
        max_new_tokens=CONTEXT,
        micro_rows=32,
        honesty_share=0.0,
        rehearsal_rows=0,
        rate_factor=0.1,
        seed=seed_of(base),
        **place_of(given),
    )
    return made(given.work / base.name / "rl-horizon", rl.STAGE, {"sft": [chat]}, config)


def table(scored: Mapping[str, Sequence[Scores]]) -> str:
    """Markdown: a row for each mode and sort of wording, then accuracy after planted errors."""
    lines = [
        "| turns carried through at 50%, at 80%; turn accuracy | " + " | ".join(scored) + " |",
        "|---" * (1 + len(scored)) + "|",
    ]
    for mode in MODES:
        for ending, words in (("", ""), ("_new_wordings", ", new wordings")):
            cells = [carried(seeds, f"{mode}{ending}") for seeds in scored.values()]
            lines.append(f"| {mode}{words} | {' | '.join(cells)} |")
    history = EvalsConfig().horizon_history
    chats = list(scored)[1:]  # a base model has no history of its own
    lines += ["", f"| right in the turn after {history} written ones | {' | '.join(chats)} |"]
    lines.append("|---" * len(scored) + "|")
    for mode in MODES:
        for share in (0, 25, 50):
            name = f"horizon/{mode}_errors_{share}/accuracy"
            cells = [pooled(scored[chat], name) for chat in chats]
            lines.append(f"| {mode}, {share}% of them wrong | {' | '.join(cells)} |")
    return "\n".join(lines)


def carried(seeds: Sequence[Scores], name: str) -> str:
    """Horizons, the mean over seeds with each, and how often a turn is right."""
    if f"horizon/{name}/turns" not in seeds[0]:
        return "–"
    said = []
    for level in (50, 80):
        each = [one[f"horizon/{name}/horizon_{level}"][0] for one in seeds]
        most = min(one[f"horizon/{name}/turns"][0] for one in seeds)
        least = "≥ " if min(each) >= most else ""
        spread = f" ({', '.join(f'{value:.0f}' for value in each)})" if len(each) > 1 else ""
        said.append(f"{least}{statistics.fmean(each):.0f}{spread}")
    turn = statistics.fmean(one[f"horizon/{name}/turn_accuracy"][0] for one in seeds)
    return f"{said[0]}; {said[1]}; {turn:.1%}"


def draw(out: Path, scored: Mapping[str, Sequence[Scores]]) -> None:
    """Task accuracy by turn, a picture for each mode."""
    out.mkdir(parents=True, exist_ok=True)
    for mode in MODES:
        curves = {}
        for name, seeds in scored.items():
            turns = int(min(one[f"horizon/{mode}/turns"][0] for one in seeds))
            curves[name] = [
                (
                    turn,
                    statistics.fmean(
                        one[f"{HORIZON_TURNS_SUITE}/{mode}_{turn:02d}/task_accuracy"][0]
                        for one in seeds
                    ),
                )
                for turn in range(1, turns + 1)
            ]
        picture = charts.line(f"Running sums, {mode}", curves, "turns", "every turn so far right")
        (out / f"horizon_{mode}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
