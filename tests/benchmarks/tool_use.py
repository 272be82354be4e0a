"""`make bench-tool-use LAKE=…`: what tools bring to the demo's model, and when it calls them.

In: a lake of a finished demo, which is only read. Its base model's context is stretched (what
tools are doesn't fit the demo's 192 tokens), then it is fine-tuned on the demo's conversations and
on some with tools. Out: held-out questions with tools and without, by suite `tools`; and what the
demo's own fine-tuned model is asked without tools, asked of both. Counts are pooled over the seeds
of the lake's base models; intervals are Wilson's.
"""

import time
from collections.abc import Sequence

from pipeline.sft.config import ConversationsConfig
from tests.benchmarks.lake_models import (
    Scores,
    Tuning,
    bases,
    beside_the_demo,
    parser,
    pooled,
    same_without,
    show,
    tuned,
)

TABLE = "tool-use-table"
CONTEXT = 768  # tokens: both definitions and the longest conversation, by the demo's tokenizer
TOOL_CONVERSATIONS = 4_000
ROWS = 6  # of CONTEXT tokens a step, one of them pages: as many tokens as the demo's 20 rows of 192
STEPS = 1_200
EXTEND_STEPS = 120
KINDS = ("product", "letter_count", "spelling", "reversing", "sum", "fact")


def main() -> None:
    arguments = parser(__doc__, STEPS)
    arguments.add_argument("--extend-steps", type=int, default=EXTEND_STEPS, help="on longer rows")
    arguments.add_argument("--tools", type=int, default=TOOL_CONVERSATIONS, help="conversations")
    given = arguments.parse_args()
    started = time.perf_counter()
    tuning = Tuning(
        CONTEXT,
        ROWS,
        given.steps,
        given.extend_steps,
        ConversationsConfig(tools=given.tools),
        mixture=("facts=3",),
    )
    found = [
        beside_the_demo(given, base, tuned(given, base, "tools", tuning), "tools")
        for base in bases(given.lake)[: given.seeds]
    ]
    text = table([ours for ours, _ in found], [theirs for _, theirs in found])
    what = f"{given.tools:,} conversations with tools, context {CONTEXT}"
    show(given, TABLE, text, what, started)


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


if __name__ == "__main__":
    main()
