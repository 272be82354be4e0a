"""Recall of the personal-data finders on values planted from the standards.

    python -m tests.benchmarks.pii_planted                  # tables, dev and test halves
    python -m tests.benchmarks.pii_planted --failures dev   # what the dev half's misses look like

A value counts as found exactly when just it was replaced, by its own kind's placeholder, and
nothing else in its text changed; as gone when it lies wholly inside what was replaced, whatever
the kind. Only the dev half's failures can be listed: who tunes a finder must not see the test half.
"""

import argparse
import dataclasses
from collections.abc import Iterable, Sequence

from pipeline.filters.pii import PiiConfig, replace
from pipeline.intervals import wilson
from tests.benchmarks.piisets.planted import SEED, Planted, planted
from tests.benchmarks.piisets.spans import Replace, learn_placeholders, middle, replaced


@dataclasses.dataclass(frozen=True)
class Outcome:
    item: Planted
    exact: bool
    gone: bool
    out: str


def finder() -> Replace:
    config = PiiConfig()
    return lambda text: replace(text, config)


def judge(items: Sequence[Planted], find: Replace) -> list[Outcome]:
    placeholders = learn_placeholders(items, find)
    outcomes = []
    for item in items:
        out, _ = find(item.text)
        stands = middle(item, out)
        exact = stands is not None and placeholders.get(stands) == item.kind
        spans = replaced(item.text, out, placeholders) or ()
        gone = exact or any(s.start <= item.start and item.end <= s.end for s in spans)
        outcomes.append(Outcome(item, exact, gone, out))
    return outcomes


def share(successes: int, n: int) -> str:
    low, high = wilson(successes, n)
    return f"{100 * successes / n:.1f}% [{100 * low:.1f}, {100 * high:.1f}]" if n else "–"


def _cell(outcomes: Iterable[Outcome], gone: bool = False) -> str:
    picked = list(outcomes)
    return share(sum(o.gone if gone else o.exact for o in picked), len(picked))


def table(outcomes: Sequence[Outcome], half: str) -> str:
    lines = [
        f"| kind ({half} half) | n | exact | exact, named | exact, open | gone |",
        "|---|---|---|---|---|---|",
    ]
    mine = [o for o in outcomes if o.item.half == half and o.item.scored]
    for kind in dict.fromkeys(o.item.kind for o in mine):
        of = [o for o in mine if o.item.kind == kind]
        named, unnamed = [o for o in of if o.item.named], [o for o in of if not o.item.named]
        cells = [kind, str(len(of)), _cell(of), _cell(named), _cell(unnamed), _cell(of, gone=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def forms(outcomes: Sequence[Outcome], half: str) -> str:
    lines = [f"| kind, form ({half} half) | n | exact | exact, named |", "|---|---|---|---|"]
    mine = [o for o in outcomes if o.item.half == half]
    for kind, form in dict.fromkeys((o.item.kind, o.item.form) for o in mine):
        of = [o for o in mine if (o.item.kind, o.item.form) == (kind, form)]
        note = "" if of[0].item.scored else " (by convention)"
        named = _cell(o for o in of if o.item.named)
        lines.append(f"| {kind}, {form}{note} | {len(of)} | {_cell(of)} | {named} |")
    return "\n".join(lines)


def failures(outcomes: Sequence[Outcome]) -> str:
    lines = []
    for o in outcomes:
        if o.item.half == "dev" and o.item.scored and not o.exact:
            mark = "named" if o.item.named else "open"
            fate = "gone" if o.gone else "left"
            lines.append(
                f"{o.item.kind}\t{o.item.form}\t{mark}\t{fate}\t{o.item.text!r}\t{o.out!r}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--failures", choices=["dev"])
    parser.add_argument("--forms", action="store_true", help="also by form, country, provider")
    options = parser.parse_args()
    outcomes = judge(planted(options.seed), finder())
    if options.failures:
        print(failures(outcomes))
        return
    for half in ("dev", "test"):
        print(table(outcomes, half), end="\n\n")
        if options.forms:
            print(forms(outcomes, half), end="\n\n")


if __name__ == "__main__":
    main()
