"""`make bench-search`: what the search index costs, and how often it finds what a question asks.

Of a lake made from the sample web (`--lake`) each fact that the world has is asked for in the words
of the evaluation, which no page uses for it: is there a passage that names the entity and holds the
value among the first 1, 3, 5? Facts that no page states show how often that happens by chance, and
so do passages at random. `there` is the share that any passage of the index has: the ceiling.

Queries a second are those questions, or, of a crawl whose facts nobody knows (`--crawl-lake`),
eight words in a row out of passages drawn at random. Indexes are made in a temporary folder.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.corpus.read import corpus_batches
from pipeline.evals.facts_suite import FREQUENCIES, contains
from pipeline.stage import SILENT
from pipeline.tools import search_index
from pipeline.tools.config import SearchIndexConfig
from pipeline.tools.retrieval import FoundPassage, Retriever, SearchIndex
from pipeline.tools.retrieval_controls import RandomRetriever
from storage import Lake
from storage.tables import read_table
from tests.benchmarks.kinds import processor
from tests.benchmarks.tables import add_option, write_table

TABLE = "search-table"
FIRST = (1, 3, 5)
SECONDS = 60.0  # for a query: a busy machine is no failure here
WORDS = 8
MB = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True, help="of the sample web: preset demo")
    parser.add_argument("--crawl-lake", help="of a crawl; only its corpus is read")
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--characters", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--common-share", type=float, default=SearchIndexConfig.common_share)
    add_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crawl2chat-search-") as folder:
        text = tables(given, Path(folder))
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def tables(given: argparse.Namespace, folder: Path) -> str:
    """The whole measurement as Markdown."""
    costs = [
        "| corpus | longest passage | text | passages | s to index | index | queries a second, "
        "1 thread | 2 threads | ms of processor time a query |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    found = [
        "| facts stated | longest passage | n | there | in the first 1 | 3 | 5 | at random, in 5 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lake = Lake(given.lake)
    facts = read_table(lake.local("crawl", lake.heads()["crawl"]) / "facts.parquet").to_pylist()
    questions = [fact["question"] for fact in facts]
    for characters in given.characters:
        config = SearchIndexConfig(passage_characters=characters, common_share=given.common_share)
        index, cost = made(lake, config, folder / f"sample-{characters}")
        asked = (questions * (given.queries // len(questions) + 1))[: given.queries]
        costs.append(
            f"| sample web | {characters:,} {cost} | {speeds(index, asked, given.turns)} |"
        )
        for name in FREQUENCIES:
            mine = [fact for fact in facts if fact["frequency"] == name]
            found.append(f"| {name} | {characters:,} {recall(index, mine)}")
        index.close()
    if given.crawl_lake:
        config = SearchIndexConfig(common_share=given.common_share)
        index, cost = made(Lake(given.crawl_lake), config, folder / "crawl")
        asked = drawn_queries(index, given.queries)
        costs.append(
            f"| crawl | {config.passage_characters:,} {cost} | "
            f"{speeds(index, asked, given.turns)} |"
        )
        index.close()
    note = (
        f"{os.cpu_count()} cores of {processor()}, load {os.getloadavg()[0]:.1f} at the end; "
        f"queries a second: median of {given.turns} turns."
    )
    return "\n".join([note, "", *costs, "", *found])


def made(lake: Lake, config: SearchIndexConfig, folder: Path) -> tuple[SearchIndex, str]:
    """The index of a lake's corpus, and its cells of the table."""
    corpus = lake.local("corpus", lake.heads()["corpus"])
    text_bytes = sum(
        len(text.encode())
        for batch in corpus_batches(corpus, ["text"])
        for text in batch["text"].to_pylist()
    )
    out, scratch = folder / "out", folder / "scratch"
    for path in (out, scratch):
        path.mkdir(parents=True)
    started = time.perf_counter()
    statistics_ = search_index.build(out, {"corpus": [corpus]}, config, SILENT, scratch)
    seconds = time.perf_counter() - started
    size = (out / search_index.FILE).stat().st_size
    return SearchIndex(out), (
        f"| {text_bytes / MB:.1f} MB | {statistics_['passages']:,} | {seconds:.1f} | "
        f"{size / MB:.1f} MB"
    )


def speeds(index: SearchIndex, asked: Sequence[str], turns: int) -> str:
    """Queries a second by one thread and by two, and what one costs: cells of the table."""

    def search(query: str) -> int:
        return len(index.search(query, max(FIRST), SECONDS))

    rates: dict[int, list[float]] = {1: [], 2: []}
    spent: list[float] = []
    for _ in range(turns):
        for threads, known in rates.items():
            started, before = time.perf_counter(), time.process_time()
            with ThreadPoolExecutor(threads) as pool:
                assert any(list(pool.map(search, asked)))
            known.append(len(asked) / (time.perf_counter() - started))
            if threads == 1:
                spent.append(1_000 * (time.process_time() - before) / len(asked))
    cells = [f"{statistics.median(known):,.0f}" for known in rates.values()]
    return " | ".join([*cells, f"{statistics.median(spent):.1f}"])


def recall(index: SearchIndex, facts: Sequence[dict[str, Any]]) -> str:
    """Of facts of one kind, how often they are found: the cells of the table."""
    there = [any(holds(p, fact) for p in everything_on(index, fact)) for fact in facts]
    by_words, at_random = places(index, facts), places(RandomRetriever(index), facts)
    cells = [len(facts), share(there)]
    cells += [share([place < first for place in by_words]) for first in FIRST]
    cells.append(share([place < max(FIRST) for place in at_random]))
    return f"| {' | '.join(map(str, cells))} |"


def places(retriever: Retriever, facts: Sequence[dict[str, Any]]) -> list[int]:
    """Of each fact the place, from 0, of the first passage that holds it; FIRST[-1]: none does."""
    found = [retriever.search(fact["question"], max(FIRST), SECONDS) for fact in facts]
    return [
        next((place for place, one in enumerate(some) if holds(one, fact)), max(FIRST))
        for some, fact in zip(found, facts)
    ]


def everything_on(index: SearchIndex, fact: dict[str, Any]) -> Sequence[FoundPassage]:
    return index.search(fact["entity"], 10_000, SECONDS)


def holds(passage: FoundPassage, fact: dict[str, Any]) -> bool:
    """Whether a passage names the entity and has the value as whole words."""
    return fact["entity"] in passage.text and contains(passage.text, fact["value"])


def share(marks: Sequence[bool]) -> str:
    return f"{100 * sum(marks) / max(1, len(marks)):.0f}%"


def drawn_queries(index: SearchIndex, count: int) -> list[str]:
    """Some words in a row, out of passages drawn at random."""
    rng = random.Random("queries")
    queries = []
    for _ in range(count):
        words = index.passage(rng.randint(1, index.passages)).text.split()
        first = rng.randint(0, max(0, len(words) - WORDS))
        queries.append(" ".join(words[first : first + WORDS]))
    return queries


if __name__ == "__main__":
    main()
