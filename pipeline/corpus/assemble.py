"""Joins the parts of all WARC files to a corpus: dedup, personal data out, train/validation split.

Out: the final ledger (a duplicate's row becomes dropped, stage dedup), clusters, the corpus and its
funnel. Fails if any WARC breaks the conservation law. Rows stand in the order of the parts; which
page of a cluster is kept, what replaces an address and which host is held out depend on no order.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config import from_dict
from pipeline.corpus.config import AssembleConfig
from pipeline.corpus.duplicates import Duplicates, cluster_rows, find
from pipeline.corpus.funnel import check_conservation, funnel_rows, stage_rows
from pipeline.corpus.split import validation_hosts
from pipeline.dedup.minhash import MinhashConfig
from pipeline.filters.pii import replace
from pipeline.stage import Progress, Stage
from storage.errors import UserError
from storage.schemas import CLUSTERS, CORPUS, LEDGER, PII_KINDS
from storage.tables import read_table, table, write_table

CORPUS_COLUMNS = ["id", "url", "host", "text", "language"]


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: AssembleConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    """Write the corpus of all parts; see the module's head."""
    parts = inputs["parts"]
    reads = [json.loads((part / "read.json").read_text()) for part in parts]
    minhash = check_parts(reads)

    signatures = [read_table(part / "signatures.parquet") for part in parts]
    duplicates = Duplicates({}, {})
    if parts:
        duplicates = find(pa.concat_tables(signatures), config.exact, minhash)
    ledgers = [final_ledger(read_table(part / "ledger.parquet"), duplicates) for part in parts]
    ledger = pa.concat_tables([LEDGER.empty_table(), *ledgers])
    check_conservation({read["warc"]: read["records"] for read in reads}, ledger)
    write_table(ledger, out / "ledger.parquet")
    write_table(table(cluster_rows(duplicates), CLUSTERS), out / "clusters.parquet")

    hosts: set[str] = set()
    for part in parts:
        documents = read_table(part / "documents.parquet", ["id", "host"])
        for id_, host in zip(documents["id"].to_pylist(), documents["host"].to_pylist()):
            if id_ not in duplicates.dropped:
                hosts.add(host)
    held_out = validation_hosts(hosts, config.split)

    done, total = 0, sum(signature.num_rows for signature in signatures)
    tables = []
    for part in parts:
        rows = []
        for document in read_table(part / "documents.parquet", CORPUS_COLUMNS).to_pylist():
            done += 1
            progress.update(done, total, "documents")
            if document["id"] not in duplicates.dropped:
                rows.append(corpus_row(document, document["host"] in held_out, config))
        tables.append(table(rows, CORPUS))
    corpus = pa.concat_tables([CORPUS.empty_table(), *tables])
    write_table(corpus, out / "corpus.parquet")
    funnel = funnel_rows(ledger)
    (out / "funnel.json").write_text(json.dumps(funnel, indent=1) + "\n")
    return statistics(reads, ledger, corpus, len(held_out), len(hosts), duplicates)


def check_parts(reads: list[dict[str, Any]]) -> MinhashConfig:
    """The MinHash settings all parts were signed with.

    UserError if parts can't be joined: a file given twice, or signatures that don't compare.
    """
    names = Counter(read["warc"] for read in reads)
    for name, count in names.items():
        if count > 1:
            raise UserError(
                f"{count} input files are named {name}, or hold the same bytes: the ledger tells"
                " files apart by name; give each file once"
            )
    for read in reads:
        if read["minhash"] != reads[0]["minhash"]:
            raise UserError(
                f"{read['warc']} and {reads[0]['warc']} were signed with different MinHash"
                " settings: make all parts with the same corpus.minhash"
            )
    return from_dict(MinhashConfig, reads[0]["minhash"]) if reads else MinhashConfig()


def final_ledger(ledger: pa.Table, duplicates: Duplicates) -> pa.Table:
    """The ledger of a part with its duplicates dropped; detail names the page that is kept."""
    rows = ledger.to_pylist()
    for row in rows:
        if row["outcome"] == "kept" and row["id"] in duplicates.dropped:
            rule, keeper = duplicates.dropped[row["id"]]
            row |= {"outcome": "dropped", "stage": "dedup", "rule": rule, "detail": keeper}
    return table(rows, LEDGER)


def corpus_row(
    document: dict[str, Any], validation: bool, config: AssembleConfig
) -> dict[str, Any]:
    """A document of the corpus: personal data replaced and counted, its split said."""
    text, counts = replace(document["text"], config.pii)
    return {
        **document,
        "text": text,
        "split": "validation" if validation else "train",
        **{f"pii_{kind}s": counts.get(kind, 0) for kind in PII_KINDS},
    }


def statistics(
    reads: list[dict[str, Any]],
    ledger: pa.Table,
    corpus: pa.Table,
    validation_host_count: int,
    host_count: int,
    duplicates: Duplicates,
) -> dict[str, Any]:
    """What the manifest says of a corpus."""
    outcomes = Counter(ledger["outcome"].to_pylist())
    rules = Counter(rule for rule, _ in duplicates.dropped.values())
    texts = corpus["text"].to_pylist()
    splits = corpus["split"].to_pylist()
    return {
        "warcs": len(reads),
        "warc_bytes": sum(read["bytes"] for read in reads),
        "warcs_without_records": [read["warc"] for read in reads if not read["records"]],
        "records": sum(read["records"] for read in reads),
        "kept": outcomes["kept"],
        "dropped": outcomes["dropped"],
        "errors": outcomes["error"],
        "documents": corpus.num_rows,
        "validation_documents": splits.count("validation"),
        "hosts": host_count,
        "validation_hosts": validation_host_count,
        "exact_duplicates": rules["exact"],
        "minhash_duplicates": rules["minhash"],
        "bytes": sum(len(text.encode()) for text in texts),
        "words": sum(len(text.split()) for text in texts),
        "pii": {kind: sum(corpus[f"pii_{kind}s"].to_pylist()) for kind in PII_KINDS},
        "funnel": stage_rows(ledger),
    }


STAGE = Stage("corpus", 1, AssembleConfig, build)
