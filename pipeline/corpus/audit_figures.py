"""The corpus pass held against the sample web's ground truth, as numbers with n and intervals.

In: the crawl's truth.parquet, the parts and the corpus made from it. Out: a row for each figure
(stage, task, metric, value, low, high, n): precision and recall of each filter stage, of duplicate
pairs, of personal data by kind, F1 of main text by words. Proportions have Wilson intervals (95%).
All of it is held in memory, as the truth is: only a sample web carries one, some thousand pages.
"""

import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa

from pipeline.corpus.read import corpus_table, ledger_table
from pipeline.filters.stages import STAGES
from pipeline.intervals import Z, wilson
from storage.grouped import shards
from storage.schemas import PII_KINDS
from storage.tables import read_table, table

AFTER_FILTERS = ("dedup", "decontamination")
CORPUS_COLUMNS = ["id", "text", *(f"pii_{kind}s" for kind in PII_KINDS)]
# Pairs of pages by their true similarity. MinHash is meant to find the first and leave the last.
# Copies to the word stand apart: they need no MinHash.
BANDS = ((0.9, 1.0), (0.8, 0.9), (0.6, 0.8), (0.0, 0.6))

AUDIT = pa.schema(
    [
        ("stage", pa.string()),  # a filter stage, dedup, pii, extract
        ("task", pa.string()),
        ("metric", pa.string()),  # precision, recall, agreement, f1
        ("value", pa.float64()),  # null where nothing was to be measured
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int64()),
    ]
)


class AuditRow(TypedDict):
    """A row of AUDIT."""

    stage: str
    task: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int


Row = dict[str, Any]  # of a table, by its columns


@dataclasses.dataclass(frozen=True)
class AuditedPages:
    """Truth and outcome of every page of the sample web, by (warc, url)."""

    truth: dict[tuple[str, str], Row]  # of TRUTH
    ledger: dict[tuple[str, str], Row]  # of LEDGER
    texts: dict[str, str]  # id -> main text of pages that passed the filters
    corpus: dict[str, Row]  # id -> row of CORPUS
    clusters: dict[str, str]  # id -> cluster


def audit_report(truth: Path, corpus: Path, duplicates: Path, parts: Iterable[Path]) -> pa.Table:
    """All figures (AUDIT).

    Args:
        truth: of the sample web, a Parquet file.
        corpus: artifact.
        duplicates: artifact, for its clusters.
        parts: artifacts, for the texts that the filters saw.
    """
    measured = load(truth, corpus, duplicates, parts)
    rows = [
        *filter_rows(measured),
        *dedup_rows(measured),
        *pii_rows(measured),
        *main_text_rows(measured),
    ]
    return table(rows, AUDIT)


def load(truth: Path, corpus: Path, duplicates: Path, parts: Iterable[Path]) -> AuditedPages:
    """Read what the figures are made from; records that are no page are left out."""
    truth_rows = {(row["warc"], row["url"]): row for row in read_table(truth).to_pylist()}
    ledger = {}
    passed = set()  # ids of pages that all filters kept
    for row in ledger_table(corpus).to_pylist():
        key = (row["warc"], row["url"])
        if key in truth_rows and row["record_type"] not in ("request", "metadata", "warcinfo"):
            ledger[key] = row
        if row["outcome"] == "kept" or row["stage"] in AFTER_FILTERS:
            passed.add(row["id"])
    texts: dict[str, str] = {}
    for part in parts:
        pages = read_table(part / "pages.parquet", ["id", "text"]).to_pydict()
        pairs = zip(pages["id"], pages["text"])
        texts |= {id_: text for id_, text in pairs if id_ in passed}
    files = shards(duplicates, "clusters")
    clusters = pa.concat_tables(map(read_table, files)).to_pydict()
    return AuditedPages(
        truth=truth_rows,
        ledger=ledger,
        texts=texts,
        corpus={row["id"]: row for row in corpus_table(corpus, CORPUS_COLUMNS).to_pylist()},
        clusters=dict(zip(clusters["id"], clusters["cluster"])),
    )


def filter_rows(measured: AuditedPages) -> list[AuditRow]:
    """For each stage: of what it dropped, how much ought to go; of what ought to, how much went.

    Recall counts a page as found at whichever stage it went, agreement at the stage meant for it.
    Which page of a family of duplicates is kept is no matter: that one of them is, is.
    """
    root = origins(measured)
    urls = {row["id"]: row["url"] for row in measured.ledger.values() if row["id"]}
    pairs = [(measured.truth[key], row) for key, row in measured.ledger.items()]
    kept_of = Counter(root[row["url"]] for _, row in pairs if row["outcome"] == "kept")

    def ought_to_go(wanted: Row, row: Row) -> bool:
        if row["stage"] == "dedup":
            return root[row["url"]] == root.get(urls.get(row["detail"], ""))
        return bool(wanted["expected"] != "kept")

    def is_gone(wanted: Row, row: Row) -> bool:
        alone = wanted["stage"] == "dedup" and kept_of[root[row["url"]]] == 1
        return row["outcome"] != "kept" or alone

    rows = []
    for stage in (*STAGES, "all"):
        dropped = [
            ought_to_go(wanted, row)
            for wanted, row in pairs
            if row["outcome"] != "kept" and stage in (row["stage"], "all")
        ]
        meant = [
            (is_gone(wanted, row), row["stage"] == stage or row["outcome"] == "kept")
            for wanted, row in pairs
            if wanted["expected"] != "kept" and stage in (wanted["stage"], "all")
        ]
        gone = sum(is_out for is_out, _ in meant)
        rows.append(proportion(stage, "pages", "precision", sum(dropped), len(dropped)))
        rows.append(proportion(stage, "pages", "recall", gone, len(meant)))
        if stage != "all":
            here = sum(is_out and at_stage for is_out, at_stage in meant)
            rows.append(proportion(stage, "pages", "agreement", here, len(meant)))
    by_kind: dict[str, list[bool]] = {}  # of what was planted: most of it is in foreign languages
    for wanted, row in pairs:
        if wanted["expected"] != "kept":
            by_kind.setdefault(wanted["kind"], []).append(is_gone(wanted, row))
    for kind, gone_of in sorted(by_kind.items()):
        rows.append(proportion("planted", kind, "recall", sum(gone_of), len(gone_of)))
    shares = [sum(gone_of) / len(gone_of) for gone_of in by_kind.values()]
    rows.append(mean("planted", "every kind counted alike", "recall", shares))
    kept = [
        row["outcome"] == "kept" or (row["stage"] == "dedup" and ought_to_go(wanted, row))
        for wanted, row in pairs
        if wanted["expected"] == "kept"
    ]
    rows.append(proportion("all", "pages to keep", "recall", sum(kept), len(kept)))
    total = len(measured.truth)
    rows.append(proportion("read", "pages in the ledger", "recall", len(pairs), total))
    return rows


def dedup_rows(measured: AuditedPages) -> list[AuditRow]:
    """Pairs of a page and the page it was made from, among those that came as far as dedup."""
    ids = {key: row["id"] for key, row in measured.ledger.items() if row["id"] in measured.texts}
    by_url = {key[1]: id_ for key, id_ in ids.items()}
    planted = []
    for key, wanted in measured.truth.items():
        if wanted["duplicate_of"] and key in ids and wanted["duplicate_of"] in by_url:
            found = measured.clusters.get(ids[key])
            same = found is not None and found == measured.clusters.get(
                by_url[wanted["duplicate_of"]]
            )
            planted.append((wanted["similarity"], same))
    rows = []
    for low, high in BANDS:
        task = f"planted pairs, similarity {low:g} to {high:g}"
        hits = [same for similarity, same in planted if similarity and low <= similarity < high]
        rows.append(proportion("dedup", task, "recall", sum(hits), len(hits)))
    copies = [same for similarity, same in planted if similarity == 1.0]
    rows.append(proportion("dedup", "planted copies", "recall", sum(copies), len(copies)))

    root = origins(measured)
    id_root = {id_: root[key[1]] for key, id_ in ids.items()}
    members = defaultdict(list)
    for id_, cluster in measured.clusters.items():
        if id_ in id_root:
            members[cluster].append(id_root[id_])
    pairs = [
        left == right
        for cluster in sorted(members)
        for left, right in itertools.combinations(members[cluster], 2)
    ]
    rows.append(proportion("dedup", "pairs in clusters", "precision", sum(pairs), len(pairs)))
    return rows


def origins(measured: AuditedPages) -> dict[str, str]:
    """For each URL the page it was made from in the end, itself where it is an original."""
    made_from = {url: row["duplicate_of"] for (_, url), row in measured.truth.items()}
    found = {}
    for url in made_from:
        origin, steps = url, 0
        while made_from.get(origin) and steps < len(made_from):
            origin, steps = made_from[origin], steps + 1
        found[url] = origin
    return found


def pii_rows(measured: AuditedPages) -> list[AuditRow]:
    """Personal data in the pages of the corpus: by kind what was found, and what is left over."""
    planted: Counter[str] = Counter()
    replaced: Counter[str] = Counter()
    right: Counter[str] = Counter()
    values = left = 0
    for key, row in measured.ledger.items():
        document = measured.corpus.get(row["id"])
        if document is None:
            continue
        wanted = measured.truth[key]
        main_text = measured.texts[row["id"]]
        for kind in PII_KINDS:
            there, found = wanted[f"pii_{kind}s"] or 0, document[f"pii_{kind}s"]
            planted[kind] += there
            replaced[kind] += found
            right[kind] += min(there, found)
        for value in wanted["pii_values"] or ():
            if value in main_text:  # else extraction has left it out already
                values += 1
                left += value in document["text"]
    rows = []
    for kind in PII_KINDS:
        rows.append(proportion("pii", kind, "precision", right[kind], replaced[kind]))
        rows.append(proportion("pii", kind, "recall", right[kind], planted[kind]))
    rows.append(proportion("pii", "planted values gone", "recall", values - left, values))
    return rows


def main_text_rows(measured: AuditedPages) -> list[AuditRow]:
    """Words of the extracted text against words of the true main text, over pages to keep."""
    scores = []
    by_kind: dict[str, list[float]] = {}
    for key, row in measured.ledger.items():
        wanted = measured.truth[key]
        if row["id"] in measured.texts and wanted["expected"] == "kept" and wanted["main_text"]:
            scores.append(word_f1(measured.texts[row["id"]], wanted["main_text"]))
            by_kind.setdefault(wanted["kind"], []).append(scores[-1][2])
    rows = []
    for metric, index in (("precision", 0), ("recall", 1), ("f1", 2)):
        rows.append(mean("extract", "words of main text", metric, [s[index] for s in scores]))
    for kind, values in sorted(by_kind.items()):
        rows.append(mean("extract", f"words of main text, {kind}", "f1", values))
    return rows


def word_f1(found: str, wanted: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of one bag of words against another."""
    found_words, wanted_words = Counter(found.split()), Counter(wanted.split())
    common = (found_words & wanted_words).total()
    precision = common / max(1, found_words.total())
    recall = common / max(1, wanted_words.total())
    return precision, recall, 2 * precision * recall / max(1e-12, precision + recall)


def proportion(stage: str, task: str, metric: str, hits: int, n: int) -> AuditRow:
    """A row for hits of n, with its Wilson interval; empty where n is 0."""
    low, high = wilson(hits, n) if n else (None, None)
    value = hits / n if n else None
    return _row(stage, task, metric, value, low, high, n)


def mean(stage: str, task: str, metric: str, values: list[float]) -> AuditRow:
    """A row for a mean, with the normal interval of its standard error."""
    n = len(values)
    if not n:
        return _row(stage, task, metric, None, None, None, 0)
    average = sum(values) / n
    variance = sum((value - average) ** 2 for value in values) / max(1, n - 1)
    half = Z * math.sqrt(variance / n)
    return _row(stage, task, metric, average, max(0.0, average - half), min(1.0, average + half), n)


def _row(
    stage: str,
    task: str,
    metric: str,
    value: float | None,
    low: float | None,
    high: float | None,
    n: int,
) -> AuditRow:
    return {
        "stage": stage,
        "task": task,
        "metric": metric,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
    }
