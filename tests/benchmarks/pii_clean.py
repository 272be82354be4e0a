"""False alarms of the personal-data finders on real look-alikes, and both sets' tables.

    python -m tests.benchmarks.pii_clean --crawl crawl
    python -m tests.benchmarks.pii_clean --crawl crawl --failures dev

A false alarm is a replaced span that touches nothing labelled true or unsure. Rates are per 10,000
words, their 95% intervals from a bootstrap over hosts and packages; shares of snippets have
Wilson's. `piisets/README.md` says how the snippets were chosen and judged.
"""

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.intervals import bootstrap_ratio
from tests.benchmarks import pii_planted
from tests.benchmarks.piisets.index import INDEX, Entry, group_of, half_of, read_index, snippets
from tests.benchmarks.piisets.planted import planted
from tests.benchmarks.piisets.spans import Replace, Span, learn_placeholders, replaced

RESAMPLES, SEED = 2000, 20240518
PER = 10_000  # words
# Words, and each character of a script that puts no spaces.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


@dataclasses.dataclass(frozen=True)
class Judged:
    entry: Entry
    text: str
    words: int
    false: tuple[Span, ...]
    unsure: int  # replaced spans that touch only unsure labels
    true_found: int  # labelled true spans that a replaced span touches


def judge(entry: Entry, text: str, find: Replace, placeholders: Mapping[str, str]) -> Judged | None:
    """None where the output cannot be aligned with the text."""
    spans = replaced(text, find(text)[0], placeholders)
    if spans is None:
        return None
    false, unsure = [], 0
    for span in spans:
        verdicts = {lab.verdict for lab in entry.labels if lab.overlaps(span.start, span.end)}
        if not verdicts:
            false.append(span)
        unsure += verdicts == {"unsure"}
    found = sum(
        any(label.overlaps(span.start, span.end) for span in spans)
        for label in entry.labels
        if label.verdict == "true"
    )
    return Judged(entry, text, len(WORD.findall(text)), tuple(false), unsure, found)


def rate(judged: Sequence[Judged], count: Callable[[Judged], int]) -> str:
    groups: dict[str, list[int]] = {}
    for one in judged:
        sums = groups.setdefault(group_of(one.entry.source), [0, 0])
        sums[0] += count(one)
        sums[1] += one.words
    table = np.array(list(groups.values()), dtype=float).reshape(-1, 2)
    total, words = table.sum(axis=0)
    if not words:
        return "–"
    low, high = bootstrap_ratio(table[:, 0], table[:, 1], RESAMPLES, SEED)
    # With none seen the bootstrap has no width; three events are the Poisson's 95% bound.
    high = 3.0 / words if total == 0 else high
    return f"{PER * total / words:.2f} [{PER * low:.2f}, {PER * high:.2f}]"


def _of(kind: str) -> Callable[[Judged], int]:
    return lambda one: sum(span.kind == kind for span in one.false)


def kinds_table(judged: Sequence[Judged], half: str, kinds: Iterable[str]) -> str:
    mine = [one for one in judged if half_of(one.entry.source) == half]
    words = sum(one.words for one in mine)
    lines = [
        f"| false alarms ({half} half: {len(mine):,} snippets, {words:,} words) | alarms | "
        "per 10,000 words | snippets with one |",
        "|---|---|---|---|",
    ]
    for kind in (*kinds, "any"):
        count = _of(kind) if kind != "any" else (lambda one: len(one.false))
        total, hit = sum(map(count, mine)), sum(bool(count(one)) for one in mine)
        cells = [kind, str(total), rate(mine, count), pii_planted.share(hit, len(mine))]
        lines.append(f"| {' | '.join(cells)} |")
    unsure, true = sum(one.unsure for one in mine), 0
    for one in mine:
        true += sum(label.verdict == "true" for label in one.entry.labels)
    found = sum(one.true_found for one in mine)
    lines.append(
        f"\nLeft out as unsure: {unsure} replaced spans. "
        f"Of {true} spans labelled true, {found} were touched: {pii_planted.share(found, true)}."
    )
    return "\n".join(lines)


def categories_table(judged: Sequence[Judged]) -> str:
    lines = [
        "| look-alike | snippets (dev, test) | false alarms dev | per 10,000 words dev "
        "| false alarms test | per 10,000 words test |",
        "|---|---|---|---|---|---|",
    ]
    for category in dict.fromkeys(one.entry.category for one in judged):
        cells = []
        halves = [
            [j for j in judged if j.entry.category == category and half_of(j.entry.source) == half]
            for half in ("dev", "test")
        ]
        for mine in halves:
            cells += [str(sum(len(j.false) for j in mine)), rate(mine, lambda j: len(j.false))]
        sizes = ", ".join(str(len(mine)) for mine in halves)
        lines.append(f"| {category} | {sizes} | {' | '.join(cells)} |")
    return "\n".join(lines)


def failures(judged: Sequence[Judged]) -> str:
    lines = []
    for one in judged:
        if half_of(one.entry.source) == "dev":
            for span in one.false:
                around = one.text[max(0, span.start - 60) : span.end + 40]
                hit = one.text[span.start : span.end]
                where = f"{one.entry.category}\t{one.entry.source}"
                lines.append(f"{span.kind}\t{hit!r}\t{around!r}\t{where}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, help="folder of WARC files; without it: no pages")
    parser.add_argument("--index", type=Path, default=INDEX)
    parser.add_argument("--failures", choices=["dev"])
    parser.add_argument("--half", choices=["dev", "test"], help="only this one's two tables")
    options = parser.parse_args()
    find, items = pii_planted.finder(), planted()
    placeholders = learn_placeholders(items, find)
    judged, absent, unaligned = [], 0, 0
    for entry, text in snippets(read_index(options.index), options.crawl):
        if text is None:
            absent += 1
        elif (one := judge(entry, text, find, placeholders)) is None:
            unaligned += 1
        else:
            judged.append(one)
    judged.sort(key=lambda one: one.entry.category)
    if options.failures:
        print(failures(judged))
        return
    halves = [options.half] if options.half else ["dev", "test"]
    kinds = list(dict.fromkeys(item.kind for item in items))
    for half in halves:
        print(kinds_table(judged, half, kinds), end="\n\n")
    if not options.half:
        print(categories_table(judged), end="\n\n")
    print(f"Snippets whose source is absent or changed: {absent}; not aligned: {unaligned}.\n")
    outcomes = pii_planted.judge(items, find)
    for half in halves:
        print(pii_planted.table(outcomes, half), end="\n\n")


if __name__ == "__main__":
    main()
