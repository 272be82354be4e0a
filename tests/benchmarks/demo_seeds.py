"""`make bench`: the demo's training and scores under several seeds.

The sample web and the corpus are made once (they are the same for every seed and come from the
cache); initial weights, data order, fine-tuning order, rollouts and the evaluation's own draws all
change with the seed. Each cell is the mean over seeds with the wider of two 95% intervals:
Student's t over seeds (what another seed would move) and, for shares, Wilson's over all questions
(what other questions would move, which seeds that agree to the letter don't show).
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.evals.config import DETAIL_SUITES, NO_COUNTS, PAGE_SUITES, PLAIN_NUMBERS, REWARDS
from pipeline.intervals import student_t, wilson
from tests.benchmarks import kinds
from tests.benchmarks.tables import add_option, write_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = "demo-table"
STAGES = {  # columns
    **{"base": "base", "sft": "SFT", "interrogated": "interrogated", "rl": "RL"},
    "rlhf": "RLHF",
}
OPTIONAL = ("interrogated", "rlhf")  # a column where such a model was measured
# In each run's report; of the pages' suites the first alone is a score of every stage.
LEFT_OUT = (*DETAIL_SUITES, *PAGE_SUITES[1:])
# What stands open; all else can be unfolded. Of each suite what no stage was trained on, the other
# way of asking beside it.
HEADLINES = {
    "chat_core": ("facts+sums+spelling+honesty+format+refusals",),
    "bits_per_byte": ("validation", "new_passages"),
    "facts": (
        "question_often_new_wordings",
        "question_often",
        "completion_often",
        "guessing_often",
        "completion_once",
        "completion_never",
    ),
    "targets": ("0.5_new_wordings", "0.9_new_wordings"),
    "turns": ("unfamiliar",),
    "arithmetic": ("different_lengths", "new_wordings", "new_stories", "6_digits"),
    "spelling": ("new_wordings", "all"),
    "format": ("prompts", "guessing"),
    "refusals": ("new_wordings", "new_topics"),
    "self": ("paraphrases", "personas"),
    "preferences": ("all",),
    "talk": ("identity_new_wordings", "identity", "definitions_new_wordings", "definitions"),
}
# Of suite `honesty`, which has some ten metrics a class of facts.
HONESTY_HEADLINES = (
    ("often", "over_conservativeness"),
    ("often", "correct_given_attempted"),
    ("often", "attempted"),
    ("often", "honesty"),
    ("once", "prudence"),
    ("once", "attempted"),
    ("never", "prudence"),
    ("never", "attempted"),
)
# Points, words, bits and nats: no shares.
UNITS = ("bits_per_byte", "kl_nats", *REWARDS, *PLAIN_NUMBERS)
# Of metrics that count nothing, those that lie between 0 and 1 all the same.
WITHIN_ONE = (
    "grounded",
    "honesty",
    "simpleqa_f1",
    "idk_average_precision",
    "aurc",
    "calibration_error",
)
SEEDED = (
    *("pretrain", "sft", "interrogation", "interrogated", "rl"),
    *("preferences", "reward_model", "rlhf", "evals"),
)


def is_headline(suite: str, task: str, metric: str) -> bool:
    """Whether a score's line stands open."""
    if suite == "honesty":
        return (task, metric) in HONESTY_HEADLINES
    return task in HEADLINES.get(suite, ()) and metric != "share_of_text"


def run_seed(seed: int, lake: Path) -> None:
    """One whole run; what an earlier one made in this lake is not made again."""
    seeds = [f"{part}.seed={seed}" for part in SEEDED]
    sets = [word for assignment in seeds for word in ("--set", assignment)]
    command = [sys.executable, "-m", "flows.cli", "run", "crawl-to-chat", "--preset", "demo"]
    subprocess.run([*command, *sets, "--lake", str(lake)], cwd=ROOT, check=True)


def sql(query: str, lake: Path) -> list[dict[str, Any]]:
    """Rows of a query on the lake."""
    command = [sys.executable, "-m", "flows.cli", "sql", query, "--lake", str(lake), "--json"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def interval(values: list[float], questions: int | None) -> tuple[float, float, float]:
    """Mean, low and high; `questions` (over all seeds) for shares, which stay within 0 and 1."""
    mean = low = high = statistics.fmean(values)
    if len(values) > 1:
        spread = student_t(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
        low, high = mean - spread, mean + spread
    if questions is None:
        return mean, low, high
    by_questions = wilson(round(mean * questions), questions)
    return mean, max(0.0, min(low, by_questions[0])), min(1.0, max(high, by_questions[1]))


def cell(rows: list[dict[str, Any]]) -> str:
    """`93.1% [90.2, 96.0]`; bits per byte, nats and penalised scores with three digits."""
    metric = rows[0]["metric"]
    questions = None if metric in NO_COUNTS else sum(row["n"] for row in rows)
    mean, low, high = interval([row["value"] for row in rows], questions)
    if metric in WITHIN_ONE:
        low, high = max(0.0, low), min(1.0, high)
    if metric not in UNITS and not metric.startswith("penalised"):
        return f"{100 * mean:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def markdown(rows: list[dict[str, Any]], seeds: int, seconds: list[float]) -> str:
    """The table, a line a score, a column a stage."""
    scores: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        if row["suite"] in LEFT_OUT:
            continue
        key = (row["suite"], row["task"], row["metric"])
        scores.setdefault(key, {}).setdefault(row["model"], []).append(row)
    said = [
        f"{seeds} seeds, mean and 95% interval (the wider of Student's t over seeds and Wilson's "
        "over questions); n is the number of questions a seed. "
        f"Made by `make bench`; work of all stages from crawl to chat, seed by seed: "
        f"{', '.join(f'{s:.0f} s' for s in seconds)}. {kinds.note(kinds.kinds()[:1])}",
        "",
    ]
    measured = {row["model"] for row in rows}
    stages = [stage for stage in STAGES if stage in measured or stage not in OPTIONAL]
    titles = " | ".join(STAGES[stage] for stage in stages)
    head = [f"| what is measured | n | {titles} |", "|---" * (2 + len(stages)) + "|"]
    open_lines, folded = [*head], [*head]
    for (suite, task, metric), models in scores.items():
        name = " ".join(dict.fromkeys(part for part in (suite, task, metric) if part))
        count = next(iter(models.values()))[0]["n"]
        cells = [cell(models[stage]) if stage in models else "–" for stage in stages]
        lines = open_lines if is_headline(suite, task, metric) else folded
        lines.append(f"| {name.replace('_', ' ')} | {count:,} | {' | '.join(cells)} |")
    fold = ["", "<details><summary>all other scores</summary>", "", *folded, "", "</details>"]
    return "\n".join([*said, *open_lines, *fold])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lake", type=Path, default=ROOT / "lake" / "bench")
    add_option(parser)
    options = parser.parse_args()
    rows, seconds = [], []
    for seed in range(options.seeds):
        run_seed(seed, options.lake)
        made = sql("SELECT sum(seconds) AS total FROM artifacts WHERE current", options.lake)
        seconds.append(made[0]["total"])
        rows += sql("SELECT * EXCLUDE (artifact) FROM evals", options.lake)
    table = markdown(rows, options.seeds, seconds)
    print(table)
    if options.write:
        write_table(options.write, kinds.marker(TABLE), table)


if __name__ == "__main__":
    main()
