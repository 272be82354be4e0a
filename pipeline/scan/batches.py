"""Rows of a part on their way to its Parquet files: batches in scratch, a file each.

A batch gets its name when it is whole and on disk, so that a process killed at any moment leaves
whole batches only, and the next one goes on behind the last. One that can't be read counts as
absent, and so do those behind it. Where batches are cut changes no row. A file holds the tables as
Arrow files one after another, then facts as JSON, then how long both are.
"""

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa

from pipeline.crawl.account import Account, ByteCounts
from pipeline.crawl.warc import Record
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.minhash import MinhashConfig
from pipeline.filters.url import host_of
from pipeline.scan.judge import Judgement
from storage import durable
from storage.schemas import LEDGER, PAGES

BATCH_RECORDS = 256
BATCH_CHARACTERS = 32 * 1024 * 1024  # of text: a batch of books is cut earlier
PREFIX = "batch-"
ALIGNMENT = 64  # of a table in the file: Arrow's own, so that it can be used where it lies
TAIL = struct.Struct("<QQ")  # bytes of the facts, and of all before the tail
AGAIN = "again-"  # the same batch once more, for pages whose time ran out; see second_try


@dataclasses.dataclass(frozen=True)
class ReadPosition:
    """Where reading goes on: a record's position in the file, and its number."""

    offset: int = 0
    index: int = 0  # among the records of its gzip member
    number: int = 0  # records before it
    dump: str = ""  # what warcinfo records before it said
    inner: int = 0  # what its member inflates to is accounted for up to here


class BatchFacts(TypedDict):
    """What a batch's file says behind its tables."""

    spans: dict[str, tuple[int, int]]  # as in StoredBatch
    records: int
    truncated: int
    after: dict[str, Any] | None  # fields of a ReadPosition
    counted: ByteCounts


@dataclasses.dataclass(frozen=True)
class StoredBatch:
    """A whole batch in scratch."""

    file: Path
    spans: dict[str, tuple[int, int]]  # first byte and size of each table
    records: int  # that the reader gave
    truncated: int  # of which the crawler cut short
    after: ReadPosition | None  # None: the file ends with it
    counted: ByteCounts  # of the file, by the account

    def table(self, name: str) -> pa.Table:
        """Its rows of one of the part's tables."""
        start, size = self.spans[name]
        with pa.memory_map(str(self.file)) as file:
            return pa.ipc.open_file(file.read_buffer().slice(start, size)).read_all()


class BatchRows:
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
        """Whether it is time for the next batch."""
        return self.records >= BATCH_RECORDS or self.characters >= BATCH_CHARACTERS

    def add(self, record: Record, judged: Judgement, dump: str) -> None:
        """Add one record's row, and the page's, if it was measured."""
        self.account.add(record)
        self.records += 1
        self.truncated += "warc-truncated" in record.headers
        self._append("ledger", judged.ledger_row(self.warc, record))
        if judged.kept:
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

    def write(
        self, scratch: Path, number: int, after: ReadPosition | None, prefix: str = PREFIX
    ) -> None:
        """Put the batch into scratch, whole or not at all.

        Args:
            scratch: folder.
            number: of the batch.
            after: where reading goes on; None: the file ends with it.
            prefix: of the file's name: PREFIX or AGAIN.
        """
        pieces: list[Any] = []
        spans: dict[str, tuple[int, int]] = {}
        size = 0
        for name, schema in self.schemas.items():
            rows = self.rows[name]
            arrays = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, schema) as writer:
                writer.write_batch(pa.record_batch(arrays, schema=schema))
            table = sink.getvalue()
            pieces += [table, bytes(-table.size % ALIGNMENT)]
            spans[name] = (size, table.size)
            size += table.size + len(pieces[-1])
        facts: BatchFacts = {
            "spans": spans,
            "records": self.records,
            "truncated": self.truncated,
            "after": dataclasses.asdict(after) if after else None,
            "counted": self.account.counted(),
        }
        said = json.dumps(facts).encode()
        tail = TAIL.pack(len(said), size + len(said))
        durable.write_atomic(scratch / f"{prefix}{number:06d}", *pieces, said, tail)


def page_row(warc: str, dump: str, record: Record, judged: Judgement) -> dict[str, Any]:
    """The row of storage.schemas.PAGES of a page that was measured."""
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


def whole_batches(scratch: Path) -> list[StoredBatch]:
    """The batches that are there, in order; what a kill or a power cut spoilt is removed."""
    for prefix in (PREFIX, AGAIN):
        for part in scratch.glob(f".{prefix}*{durable.PART}"):
            part.unlink(missing_ok=True)
    found: list[StoredBatch] = []
    for file in sorted(scratch.glob(f"{PREFIX}*")):
        batch = _read(file) if file.name == f"{PREFIX}{len(found):06d}" else None
        if batch is None:  # all behind it are removed as well: their numbers are free again
            durable.remove_tree(file)
        else:
            found.append(batch)
    return found


def batches_again(scratch: Path) -> dict[int, StoredBatch]:
    """Those that were made once more and can be read, by their numbers."""
    read = {int(file.name[len(AGAIN) :]): _read(file) for file in scratch.glob(f"{AGAIN}*")}
    return {number: batch for number, batch in sorted(read.items()) if batch is not None}


def _read(path: Path) -> StoredBatch | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2) - TAIL.size
            if size < 0:
                return None
            file.seek(size)
            length, whole = TAIL.unpack(file.read())
            if whole != size or length > size:
                return None
            file.seek(size - length)
            facts: BatchFacts = json.loads(file.read(length))
        spans = {name: (start, bytes_) for name, (start, bytes_) in facts["spans"].items()}
        after = ReadPosition(**facts["after"]) if facts["after"] else None
        return StoredBatch(
            path, spans, facts["records"], facts["truncated"], after, facts["counted"]
        )
    except (FileNotFoundError, IsADirectoryError, ValueError, LookupError, TypeError):
        return None  # cut short: the disk lost what it said it had
