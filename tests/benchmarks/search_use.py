"""`make bench-search-use LAKE=…`: does the demo's model search for what it can't know?

In: a lake of a finished demo, which is only read. Its base model's context is stretched (what the
tool is and what it finds doesn't fit the demo's 192 tokens), then it is fine-tuned on the demo's
conversations and on some with a search. Out: suite `search`, with the controls; and what the demo's
own fine-tuned model is asked without tools, asked of both. Counts are pooled over the seeds of the
lake's base models; intervals are Wilson's.
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

TABLE = "search-use-table"
CONTEXT = 768  # tokens: the definition, a call, two passages and an answer, by the demo's tokenizer
ROWS = 5  # of CONTEXT tokens a step, one of them pages: as many tokens as the demo's 20 rows of 192
STEPS = 2_000
EXTEND_STEPS = 60
# Passages teach to read at a quarter of the tokens: without them the model called for what it
# didn't know, and asked for another name than the question's.
CONVERSATIONS = ConversationsConfig(search=2_000, passages=20_000, passages_in="user", saying=2_000)
RATE_FACTOR = 1.0  # at the demo's 0.3 reading isn't learned in so few steps


def main() -> None:
    given = parser(__doc__, STEPS).parse_args()
    started = time.perf_counter()
    tuning = Tuning(CONTEXT, ROWS, given.steps, EXTEND_STEPS, CONVERSATIONS, RATE_FACTOR)
    found = [
        beside_the_demo(given, base, tuned(given, base, "search", tuning), "search")
        for base in bases(given.lake)[: given.seeds]
    ]
    text = table([ours for ours, _ in found], [theirs for _, theirs in found])
    what = (
        f"{CONVERSATIONS.search:,} conversations with a search,"
        f" {CONVERSATIONS.passages:,} questions on passages, context {CONTEXT}"
    )
    show(given, TABLE, text, what, started)


def table(ours: Sequence[Scores], theirs: Sequence[Scores]) -> str:
    """Markdown: both classes of facts with each retriever, citations, and what should stay."""

    def cells(*names: str) -> str:
        return " | ".join(pooled(ours, f"search/{name}") for name in names)

    lines = [
        "| facts | searched | right | … with passages at random | … with nothing found"
        " | … without a tool |",
        "|---|---|---|---|---|---|",
    ]
    for group, words in (("never", "no page states"), ("often", "pages state often")):
        ways = [f"{group}_{way}/accuracy" for way in ("search", "random", "empty", "alone")]
        lines.append(f"| {words} | {cells(f'{group}_search/call_rate', *ways)} |")
    lines += [
        "",
        "| of never-stated facts, the page was in the output | cited documents that hold the value"
        " | right answers that cite one |",
        "|---|---|---|",
        f"| {cells('never_search/found', 'citations/precision', 'citations/right_and_cited')} |",
        "",
        *same_without(ours, theirs),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
