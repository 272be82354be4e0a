"""The named recipes of a corpus, and where a run departs from the one it says it follows.

A recipe is the config of every corpus stage, with notes on where this project's means differ from
the publication's. FineWeb's paper (arXiv 2406.17557) and FineWeb's code differ in one threshold:
duplicate-line characters, 0.1 in the paper and 0.01 in the code since its first commit. Here they
differ in a second one: the paper's recipe counts a "{" wherever it stands.
"""

import dataclasses
from typing import Any

from pipeline.config import to_dict
from pipeline.corpus.config import CorpusConfig, SelectConfig
from pipeline.dedup.config import DedupConfig, MinhashConfig
from pipeline.filters.c4 import C4Config, C4LinesConfig
from pipeline.filters.fineweb import FinewebConfig
from pipeline.filters.measure import SignalsConfig
from pipeline.scan.config import ScanConfig
from storage.errors import UserError

DEFAULT_RECIPE = "fineweb-code"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a run's corpus stages are set to."""

    scan: ScanConfig = dataclasses.field(default_factory=ScanConfig)
    select: SelectConfig = dataclasses.field(default_factory=SelectConfig)
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)
    corpus: CorpusConfig = dataclasses.field(default_factory=CorpusConfig)
    notes: tuple[str, ...] = ()  # where our means differ from what was published


TABLES = ("scan", "select", "dedup", "corpus")  # of the run's config
FINEWEB_NOTES = (
    "main text by this project's block classifier, not trafilatura (scan.extract.engine"
    " = 'trafilatura' restores it)",
    "language by the compressed lid.176.ftz; datatrove downloads lid.176.bin",
    "every filter is measured on every page; FineWeb stops at the first that fails (the same"
    " pages are kept)",
    "exact duplicates go before MinHash, so that the ledger tells copies from near-copies",
    "more kinds of personal data than e-mail and IPv4; placeholders chosen by hash",
    "C4's rules leave code blocks and recovered formulas whole, which FineWeb's texts don't mark;"
    " pages are judged as if they didn't (scan.signals.c4_lines.spare_code = false ends that)",
    "C4's rules take lines out of English pages alone, as FineWeb-2 leaves them in all of its"
    " languages (scan.signals.c4_lines.languages)",
    "a page with no line left is dropped before dedup under every recipe",
)
BRACES = (
    "a '{' inside code blocks and recovered formulas drops no page"
    " (select.c4.braces_in_code = true restores FineWeb's rule)"
)
NO_C4_LINES = ScanConfig(signals=SignalsConfig(c4_lines=C4LinesConfig(enabled=False)))

RECIPES = {
    "fineweb-code": Recipe(notes=(*FINEWEB_NOTES, BRACES)),
    "fineweb-paper": Recipe(
        select=SelectConfig(
            c4=C4Config(braces_in_code=True),
            fineweb=FinewebConfig(max_duplicate_line_character_fraction=0.1),
        ),
        notes=(
            *FINEWEB_NOTES,
            "a '{' drops a page wherever it stands, as published: code and formulas too",
            "duplicate-line characters 0.1 as the paper prints; the code has 0.01",
        ),
    ),
    "fineweb-edu": Recipe(
        select=SelectConfig(
            filters=("language", "repetition", "gopher_quality", "c4", "fineweb", "learned"),
            best_fraction=0.087,  # 1.3 of 15 trillion tokens have an educational score of 3 or more
        ),
        notes=(
            *FINEWEB_NOTES,
            BRACES,
            "FineWeb-Edu judges by a regression on embeddings, trained on 450,000 pages that a"
            " language model scored, and keeps scores of 3 or more; here a fastText model of the"
            " user's own sets judges, and the same share of pages is kept",
            "the share is of pages that pass the other filters; FineWeb-Edu's is of tokens after"
            " dedup",
        ),
    ),
    "dclm": Recipe(
        scan=NO_C4_LINES,
        select=SelectConfig(
            filters=("language", "gopher_quality", "repetition", "learned"),
            best_fraction=0.1,  # arXiv 2406.11794
        ),
        notes=(
            "DCLM extracts with resiliparse; here the block classifier",
            "DCLM counts occurrences of stop words, here different ones, as datatrove does",
            "RefinedWeb's line fixes are left out (capitals, counters, one-word lines, 'sign-in',"
            " 'read more', and the drop of pages that lose 5% of their words to them)",
            "DCLM finds duplicates with a Bloom filter over paragraphs and documents; here MinHash"
            " and exact text",
            "DCLM's classifier was trained on 200,000 OpenHermes-2.5 and ELI5 answers against"
            " RefinedWeb pages; here on the sets that the user names",
        ),
    ),
    "gopher": Recipe(
        scan=dataclasses.replace(
            NO_C4_LINES,
            # 13-grams as published; the steepest rise of a match at Jaccard 0.8
            minhash=MinhashConfig(ngram_words=13, buckets=12, hashes_per_bucket=11),
        ),
        select=SelectConfig(filters=("language", "gopher_quality", "repetition", "toxicity")),
        notes=(
            "Gopher filters explicit pages with SafeSearch; here by URL lists and shares of words",
            "Gopher extracts text by its own rules on the tree; here the block classifier",
            "Gopher's test-set filter compares whole documents (13-gram Jaccard above 0.8); here"
            " one shared 13-gram is enough",
            "repetition counts follow datatrove's formulas",
        ),
    ),
}


def recipe(name: str) -> Recipe:
    """A named recipe."""
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}: one of {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def deviations(tree: dict[str, Any], name: str) -> list[str]:
    """One line for each value of the run's corpus tables that is not the recipe's: key and both.

    `tree` has the tables as plain dicts (`pipeline.config.to_dict`), others are passed over.
    """
    published = recipe(name)
    lines = []
    for table in TABLES:
        theirs = _flat(to_dict(getattr(published, table)), f"{table}.")
        for key, value in _flat(tree[table], f"{table}.").items():
            if value != theirs[key]:
                lines.append(f"{key}: {_show(value)} ({name}: {_show(theirs[key])})")
    return lines


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _show(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
