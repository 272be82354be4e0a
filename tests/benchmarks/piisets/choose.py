"""Choose the clean set's snippets: stratified by look-alike category, spread over sources.

    python -m tests.benchmarks.piisets.choose --crawl crawl --out snippets.jsonl
    … --keep clean.jsonl.gz    # drop what is no longer found from the index, fill it up

Out: one JSON line a snippet WITH its text, for reading and labelling; `index.py` keeps no text.
"""

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.benchmarks.piisets import sources
from tests.benchmarks.piisets.index import (
    Entry,
    digest,
    group_of,
    read_index,
    snippets,
    write_index,
)
from tests.benchmarks.piisets.lookalikes import CATEGORIES

SEED = 20240518
A_CATEGORY = 230  # snippets, about; half from the crawl where it has so many
A_GROUP = 9  # of one host or package and category
BEFORE, AFTER = 160, 220  # characters of context, cut at a line's start or a space
PACKAGE_FILES, SYSTEM_FILES = 7_000, 2_000
MOST_LOOKED_AT = 50_000  # characters of a text


def window(text: str, start: int, end: int) -> tuple[int, int]:
    """A snippet around a match: whole lines within BEFORE and AFTER characters of it."""
    low = max(0, start - BEFORE)
    if low:
        line = text.find("\n", low, start)
        space = text.find(" ", low, start)
        low = line + 1 if line >= 0 else space + 1 if space >= 0 else start
    high = min(len(text), max(end, start) + AFTER)
    if high < len(text):
        line = text.rfind("\n", end, high)
        space = text.rfind(" ", end, high)
        high = line if line >= 0 else space if space >= 0 else end
    return low, high


def texts(crawl: Path, rng: Random) -> Iterator[tuple[str, str]]:
    yield from sources.crawl_pages(crawl)
    packages = sorted(sources.package_files())
    by_group: dict[str, list[str]] = {}
    for identity in packages:  # else torch alone would be the set
        by_group.setdefault(group_of(identity), []).append(identity)
    chosen = [i for ids in by_group.values() for i in rng.sample(ids, min(len(ids), 90))]
    for identity in rng.sample(chosen, min(len(chosen), PACKAGE_FILES)):
        if text := sources.file_text(identity):
            yield identity, text
    system = sorted(sources.system_files())
    for identity in rng.sample(system, min(len(system), SYSTEM_FILES)):
        if text := sources.file_text(identity):
            yield identity, text


def candidates(crawl: Path, rng: Random) -> dict[tuple[str, str], list[tuple[str, int, int, str]]]:
    """(category, origin) to (id, offset, length, text), at most two a source and category."""
    found: dict[tuple[str, str], list[tuple[str, int, int, str]]] = {}
    for identity, text in texts(crawl, rng):
        origin = identity.split(" ", 1)[0]
        for name, pattern in CATEGORIES.items():
            hits = []
            for match in pattern.finditer(text[:MOST_LOOKED_AT]):
                hits.append((match.start(), min(match.end(), match.start() + 200)))
                if len(hits) == 40:
                    break
            for start, end in rng.sample(hits, min(2, len(hits))):
                low, high = window(text, start, end)
                if high - low >= 20:
                    entry = (identity, low, high - low, text[low:high])
                    found.setdefault((name, origin), []).append(entry)
    return found


def still_found(crawl: Path, index: Path) -> Iterator[Entry]:
    """Entries whose text is where their source is today, with today's offsets."""
    pages = dict(sources.crawl_pages(crawl, {entry.source for entry in read_index(index)}))
    for entry, text in snippets(read_index(index), crawl):
        whole = pages.get(entry.source) or sources.file_text(entry.source)
        if text is not None and whole is not None:
            yield dataclasses.replace(entry, offset=whole.index(text))


def choose(crawl: Path, seed: int = SEED, old: Sequence[Entry] = ()) -> Iterator[dict[str, object]]:
    """New snippets; the quotas count the old ones, which are not chosen again."""
    rng = Random(seed)
    found = candidates(crawl, rng)
    taken: dict[str, list[tuple[int, int]]] = {}
    for entry in old:
        taken.setdefault(entry.source, []).append((entry.offset, entry.offset + entry.length))
    seen = {entry.sha for entry in old}
    for name in CATEGORIES:
        kept = 0
        mine = [entry.source for entry in old if entry.category == name]
        groups = Counter(map(group_of, mine))
        for origin, quota in (("crawl", A_CATEGORY * 55 // 100), ("system", A_CATEGORY * 70 // 100),
                              ("package", A_CATEGORY)):  # fmt: skip
            entries = found.get((name, origin), [])
            kept += sum(source.startswith(f"{origin} ") for source in mine)
            rng.shuffle(entries)
            for identity, offset, length, text in entries:
                if kept >= quota:
                    break
                group, sha = group_of(identity), digest(text)
                overlaps = any(
                    a < offset + length and offset < b for a, b in taken.get(identity, ())
                )
                if groups[group] >= A_GROUP or sha in seen or overlaps:
                    continue
                groups[group] += 1
                seen.add(sha)
                taken.setdefault(identity, []).append((offset, offset + length))
                kept += 1
                yield {"source": identity, "offset": offset, "length": length,
                       "sha": sha, "category": name, "text": text}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--keep", type=Path, help="an index: what of it is still found stays")
    options = parser.parse_args()
    old = list(still_found(options.crawl, options.keep)) if options.keep else []
    if options.keep:
        write_index(options.keep, old)
    with options.out.open("w") as out:
        for snippet in choose(options.crawl, old=old):
            out.write(json.dumps(snippet, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
