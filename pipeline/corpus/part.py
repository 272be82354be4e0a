"""The pass over one WARC file: every record to a ledger row, every kept page to a document.

In: one WARC file and a `CorpusConfig`. Out: ledger, documents and MinHash signatures, and
`read.json` with the number of records the reader gave, against which the ledger is checked when
parts are joined. Rows depend on the file and the config alone, so worker count changes nothing.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config import to_dict
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.page import Judge, Judgement
from pipeline.corpus.recipes import deviations
from pipeline.crawl.warc import Record, read_records
from pipeline.dedup.exact import text_sha256
from pipeline.filters.url import host_of
from pipeline.stage import Progress, Stage
from storage.errors import UserError
from storage.schemas import DOCUMENTS, LEDGER
from storage.tables import table, write_table

DUMP_IN_NAME = re.compile(r"[A-Za-z]+-MAIN-\d{4}-\d{2}(?=-)")
DUMP_IN_INFO = re.compile(rb"(?im)^isPartOf:[ \t]*(\S{1,100})")


class Counted:
    """An iterator that counts what it gave: the reader's side of the conservation law."""

    def __init__(self, records: Iterator[Record]) -> None:
        self.records = 0
        self._iterator = records

    def __iter__(self) -> Iterator[Record]:
        for record in self._iterator:
            self.records += 1
            yield record


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: CorpusConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    """Write the part of one WARC file; see the module's head."""
    path = one_file(inputs["warc"])
    for line in deviations(config):
        progress.note(f"the recipe deviates: {line}")
    size = path.stat().st_size
    dump = dump_name(path.name)
    ledger: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    signatures: list[dict[str, Any]] = []
    truncated = 0
    started = time.monotonic()
    records = Counted(read_records(path, config.limits))
    with Judge(config) as judge:
        for record in records:
            if record.record_type == "warcinfo" and not dump:
                dump = dump_in_info(record.content)
            judged = judge.record(path.name, record)
            ledger.append(judged.ledger_row(path.name, record))
            truncated += "warc-truncated" in record.headers
            if judged.outcome == "kept":
                documents.append(document_row(path.name, dump, record, judged))
                signatures.append(signature_row(judged))
            rate = len(ledger) / max(1e-9, time.monotonic() - started)
            progress.update(
                record.offset,
                size,
                "bytes",
                records=len(ledger),
                kept=len(documents),
                records_per_second=round(rate, 1),
            )
    progress.update(size, size, "bytes", records=len(ledger), kept=len(documents))

    write_table(table(ledger, LEDGER), out / "ledger.parquet")
    write_table(table(documents, DOCUMENTS), out / "documents.parquet")
    write_table(table(signatures, signature_schema(config)), out / "signatures.parquet")
    read = {
        "warc": path.name,
        "bytes": size,
        "records": records.records,
        "minhash": to_dict(config.minhash),
    }
    (out / "read.json").write_text(json.dumps(read, sort_keys=True) + "\n")
    outcomes = [row["outcome"] for row in ledger]
    return {
        "warc": path.name,
        "warc_bytes": size,
        "records": records.records,
        "kept": outcomes.count("kept"),
        "dropped": outcomes.count("dropped"),
        "errors": outcomes.count("error"),
        "truncated_records": truncated,
        "text_bytes": sum(len(row["text"].encode()) for row in documents),
        "deviations": deviations(config),
    }


def one_file(paths: list[Path]) -> Path:
    """The input file, if there is exactly one and it is a file."""
    if len(paths) != 1:
        raise UserError(f"a corpus part is made from one WARC file, not from {len(paths)}")
    if not paths[0].is_file():
        raise UserError(f"no such file: {paths[0]}")
    return paths[0]


def dump_name(file_name: str) -> str:
    """The crawl's name if the file's name holds it, as CC-MAIN-2024-22; else ""."""
    match = DUMP_IN_NAME.match(file_name)
    return match.group() if match else ""


def dump_in_info(content: bytes) -> str:
    """The crawl's name in a warcinfo record (Common Crawl's isPartOf), else ""."""
    match = DUMP_IN_INFO.search(content)
    return match.group(1).decode("utf-8", "replace") if match else ""


def document_row(warc: str, dump: str, record: Record, judged: Judgement) -> dict[str, Any]:
    """The row of storage.schemas.DOCUMENTS."""
    return {
        "id": judged.id,
        "url": record.url,
        "host": host_of(record.url),
        "dump": dump,
        "warc": warc,
        "offset": record.offset,
        "date": record.date,
        "text": judged.text,
        "language": judged.language,
        "language_score": judged.language_score,
        **judged.signals,
    }


def signature_row(judged: Judgement) -> dict[str, Any]:
    """A page as dedup sees it."""
    assert judged.signature is not None
    return {
        "id": judged.id,
        "signature": judged.signature.astype("<u8").tobytes(),
        "text_sha256": text_sha256(judged.text),
    }


def signature_schema(config: CorpusConfig) -> pa.Schema:
    """Signatures as fixed bytes: 64-bit little-endian hashes, bucket after bucket."""
    size = config.minhash.buckets * config.minhash.hashes_per_bucket * 8
    return pa.schema(
        [("id", pa.string()), ("signature", pa.binary(size)), ("text_sha256", pa.string())]
    )


STAGE = Stage("corpus_part", 1, CorpusConfig, build)
