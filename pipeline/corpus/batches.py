"""Rows of a part on their way to its Parquet files: batches of Arrow files in scratch.

A page process fills a batch and renames its folder when it is whole, so that a process killed at
any moment leaves whole batches only, and the next one goes on behind the last. Where batches are
cut changes no row.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.corpus.page import Judgement
from pipeline.crawl.account import Account
from pipeline.crawl.warc import Record
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.minhash import MinhashConfig
from pipeline.filters.url import host_of
from storage.schemas import LEDGER, PAGES

BATCH_RECORDS = 256
BATCH_CHARACTERS = 32 * 1024 * 1024  # of text: a batch of books is cut earlier
PREFIX = "batch-"
AGAIN = "again-"  # the same batch once more, for pages whose time ran out; see second_try


@dataclasses.dataclass(frozen=True)
class Place:
    """Where reading goes on: a record's place in the file, and its number there."""

    offset: int = 0
    index: int = 0  # among the records of its gzip member
    number: int = 0  # records before it
    dump: str = ""  # what warcinfo records before it said
    inner: int = 0  # what its member inflates to is accounted for up to here


@dataclasses.dataclass(frozen=True)
class Batch:
    """A whole batch in scratch."""

    folder: Path
    records: int  # that the reader gave
    truncated: int  # of which the crawler cut short
    after: Place | None  # None: the file ends with it
    counted: dict[str, int]  # bytes of the file, by the account

    def table(self, name: str) -> pa.Table:
        """Its rows of one of the part's tables."""
        with pa.memory_map(str(self.folder / f"{name}.arrow")) as file:
            return pa.ipc.open_file(file).read_all()


class Rows:
    """The rows of a batch until it is whole."""

    def __init__(self, warc: str, schemas: dict[str, pa.Schema], account: Account) -> None:
        self.warc = warc
        self.account = account
        self.schemas = schemas
        # asked once: a schema of Arrow makes its names anew each time
        self.names = {name: frozenset(schema.names) for name, schema in schemas.items()}
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in schemas}
        self.records = self.truncated = self.characters = 0

    @property
    def full(self) -> bool:
        return self.records >= BATCH_RECORDS or self.characters >= BATCH_CHARACTERS

    def add(self, record: Record, judged: Judgement, dump: str) -> None:
        """One record's row, and the page's, if it was measured."""
        self.account.add(record)
        self.records += 1
        self.truncated += "warc-truncated" in record.headers
        self._append("ledger", judged.ledger_row(self.warc, record))
        if judged.outcome == "kept":
            self.characters += len(judged.text)
            self._append("pages", page_row(self.warc, dump, record, judged))
            self._append(
                "signatures",
                {
                    "id": judged.id,
                    "signature": judged.signature,
                    "text_sha256": text_sha256(judged.text),
                },
            )

    def _append(self, name: str, row: dict[str, Any]) -> None:
        if row.keys() != self.names[name]:
            odd = ", ".join(sorted(row.keys() ^ self.names[name]))
            raise ValueError(f"{name}: columns that are too many or missing: {odd}")
        self.rows[name].append(row)

    def write(self, scratch: Path, number: int, after: Place | None, prefix: str = PREFIX) -> None:
        """Put the batch into scratch, whole or not at all."""
        unfinished = scratch / f"unfinished-{os.getpid()}"
        unfinished.mkdir()
        for name, schema in self.schemas.items():
            rows = self.rows[name]
            arrays = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
            with pa.ipc.new_file(str(unfinished / f"{name}.arrow"), schema) as writer:
                writer.write_batch(pa.record_batch(arrays, schema=schema))
        facts = {
            "records": self.records,
            "truncated": self.truncated,
            "after": after and dataclasses.asdict(after),
            "counted": self.account.counted(),
        }
        (unfinished / "batch.json").write_text(json.dumps(facts))
        unfinished.rename(scratch / f"{prefix}{number:06d}")


def page_row(warc: str, dump: str, record: Record, judged: Judgement) -> dict[str, Any]:
    """The row of storage.schemas.PAGES."""
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


def schemas(minhash: MinhashConfig) -> dict[str, pa.Schema]:
    """The tables of a part. A signature: 64-bit little-endian hashes, bucket after bucket."""
    size = minhash.buckets * minhash.hashes_per_bucket * 8
    fields = [("id", pa.string()), ("signature", pa.binary(size)), ("text_sha256", pa.string())]
    return {"ledger": LEDGER, "pages": PAGES, "signatures": pa.schema(fields)}


def whole_batches(scratch: Path) -> list[Batch]:
    """The batches that are there, in order; what a killed process left unfinished is removed."""
    for folder in scratch.glob("unfinished-*"):
        shutil.rmtree(folder)
    return list(_batches(scratch))


def batches_again(scratch: Path) -> dict[int, Batch]:
    """Those that were made once more, by their numbers."""
    return {int(b.folder.name[len(AGAIN) :]): b for b in _batches(scratch, AGAIN)}


def _batches(scratch: Path, prefix: str = PREFIX) -> Iterator[Batch]:
    for folder in sorted(scratch.glob(f"{prefix}*")):
        facts = json.loads((folder / "batch.json").read_text())
        after = facts["after"] and Place(**facts["after"])
        yield Batch(folder, facts["records"], facts["truncated"], after, facts["counted"])
