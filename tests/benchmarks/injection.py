"""`make bench-injection LAKE=…`: what separation and training do against planted instructions.

In: a lake of a finished demo, which is only read. Its base model's context is stretched (a passage
and an attack don't fit the demo's 192 tokens); then it is fine-tuned three times on the demo's
conversations, with questions that are answered from passages and requests to say something: with
the passages beside the question, in a tool's output, and there with planted instructions in half of
them (StruQ's data). Out: suite `injection` of each. Counts are pooled over the seeds of the
lake's base models; intervals are Wilson's.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.curriculum.planted_instructions import ATTACKS
from pipeline.sft.config import ConversationsConfig
from tests.benchmarks.lake_models import (
    Scores,
    Tuning,
    bases,
    parser,
    pooled,
    scores_of,
    show,
    tuned,
)

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
    given = parser(__doc__, STEPS).parse_args()
    started = time.perf_counter()
    scored: dict[str, list[Scores]] = {}
    for row, settings in ROWS.items():
        talks = ConversationsConfig(passages=PASSAGES, saying=SAYING, **settings)
        tuning = Tuning(CONTEXT, ROWS_PER_STEP, given.steps, EXTEND_STEPS, talks, RATE_FACTOR)
        name = "-".join(map(str, settings.values()))
        asked: dict[str, Any] = {"passages_in": settings["passages_in"]}
        scored[row] = [
            scores_of(
                *(given, base, tuned(given, base, name, tuning), f"evals-{name}", ("injection",)),
                **asked,
            )
            for base in bases(given.lake)[: given.seeds]
        ]
    what = f"{PASSAGES:,} questions on passages, {SAYING:,} requests to say something"
    show(given, TABLE, table(scored), what, started)


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
