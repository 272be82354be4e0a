"""Main-text extraction: F1, precision, recall and pages a second of ours and two others.

On the project's own labelled pages of the crawl (labelled.py) and on any folder of gold pages in
the layout of pipeline/extract/learn/gold_pages.py (--gold). The measure is that of the
article-extraction-benchmark: multisets of 4-word shingles a page, means over pages, F1 of the
means. Prints Markdown, or JSON with --json; one core, times of decoded pages, best of `--repeat`.

    python -m tests.benchmarks.extraction crawl
"""

import argparse
import gzip
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from pipeline.extract.classify import preload
from pipeline.extract.decode import decode
from pipeline.extract.extract import extract
from tests.benchmarks import labelled

Page = tuple[str, str, str, str]  # group, html, gold, optional text


def ours(html: str) -> str:
    """The engine "blocks" with its fall-back on trafilatura, as the corpus uses it."""
    return extract(html).text


def fineweb(html: str) -> str:
    """trafilatura with FineWeb's settings."""
    return (
        trafilatura.extract(html, favor_precision=True, include_comments=False, deduplicate=True)
        or ""
    )


def resiliparse(html: str) -> str:
    """resiliparse's main content."""
    return extract_plain_text(
        html,
        main_content=True,
        alt_texts=False,
        links=False,
        form_fields=False,
        noscript=False,
        list_bullets=False,
    )


ENGINES: dict[str, Callable[[str], str]] = {
    "ours": ours,
    "trafilatura, FineWeb's settings": fineweb,
    "resiliparse main_content": resiliparse,
}


def labelled_pages(crawl: Path) -> Iterator[Page]:
    """The hand-labelled pages that have main text."""
    for page in labelled.load(crawl):
        if page.gold.strip():
            yield "labelled", decode(page.html, page.charset)[0], page.gold, page.optional


def gold_pages(folder: Path, limit: int) -> Iterator[Page]:
    """Pages of a folder that come with gold text, the first `limit` of each file."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        taken = 0
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if record.get("gold") and taken < limit:
                    taken += 1
                    yield path.name.removesuffix(".jsonl.gz"), record["html"], record["gold"], ""


def measure(pages: list[Page], engine: Callable[[str], str], repeat: int) -> dict[str, float]:
    """Scores over pages that have gold text, and pages a second."""
    texts: list[str] = []
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        texts = [engine(html) for _, html, _, _ in pages]
        best = min(best, time.perf_counter() - start)
    scores = [
        labelled.shingle_scores(text, gold, optional)
        for text, (_, _, gold, optional) in zip(texts, pages, strict=True)
    ]
    mean = labelled.mean_scores(scores)
    return {
        "pages": mean.pages,
        "f1": mean.f1,
        "low": mean.low,
        "high": mean.high,
        "precision": mean.precision,
        "recall": mean.recall,
        "pages_per_second": len(pages) / best,
    }


def main(arguments: list[str]) -> None:
    """Score every engine on every group of pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crawl", type=Path, nargs="?", help="folder of .warc.gz files")
    parser.add_argument("--gold", type=Path, help="a folder of gold pages, *.jsonl.gz")
    parser.add_argument("--limit", type=int, default=10**9, help="pages of each gold file")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # trafilatura reports pages without text
    preload()
    pages = list(labelled_pages(options.crawl)) if options.crawl else []
    if options.gold:
        pages += gold_pages(options.gold, options.limit)
    groups: dict[str, list[Page]] = {}
    for page in pages:
        groups.setdefault(page[0], []).append(page)
    result = {
        group: {name: measure(members, engine, options.repeat) for name, engine in ENGINES.items()}
        for group, members in groups.items()
    }
    if options.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
        return
    print("| pages | engine | F1 (95% interval) | precision | recall | pages/s |")
    print("|---|---|---|---|---|---|")
    for group, engines in result.items():
        for name, row in engines.items():
            print(
                f"| {row['pages']} {group} | {name} | {row['f1']:.3f} "
                f"({row['low']:.3f} to {row['high']:.3f}) | {row['precision']:.3f} "
                f"| {row['recall']:.3f} | {row['pages_per_second']:.0f} |"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
