"""Files of tokens, written one whole shard at a time, so that a killed run can be continued.

A shard is made as a folder in scratch, synced to disk and renamed when it is complete; `shard.json`
in it names the row of the corpus at which the next shard begins. A shard that can't be read counts
as absent, and so do those after it.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.tokenizer.encoding import DocumentBatch, Encoded
from storage import durable

UNFINISHED = "unfinished-"
TOKENS, DOCUMENTS, FACTS = "tokens.safetensors", "documents.arrow", "shard.json"
_DTYPES = {"uint16": "U16", "uint32": "U32", "int64": "I64"}


class FinishedShard(NamedTuple):
    """A complete shard in scratch."""

    folder: Path
    facts: dict[str, Any]  # a row of storage.schemas.TOKEN_SHARDS
    next_row: int  # of the corpus

    def documents(self) -> pa.Table:
        """The ids and bytes of its documents."""
        with pa.memory_map(str(self.folder / DOCUMENTS)) as file:
            return pa.ipc.open_file(file).read_all()

    def put(self, out: Path) -> None:
        """Link or copy the file of tokens into `out`; scratch keeps it in case of a kill."""
        source, target = self.folder / TOKENS, out / self.facts["shard"]
        try:
            os.link(source, target)
        except OSError:  # another disk, or one that has no links
            shutil.copyfile(source, target)


def whole_shards(scratch: Path, split: str) -> list[FinishedShard]:
    """The complete shards in scratch, in order; ones damaged by a power cut are removed."""
    shards: list[FinishedShard] = []
    for folder in sorted(scratch.glob(f"{split}-?????")):
        shard = _read(folder) if folder.name == f"{split}-{len(shards):05d}" else None
        if shard is None:
            durable.remove_tree(folder)
        else:
            shards.append(shard)
    return shards


def _read(folder: Path) -> FinishedShard | None:
    try:
        said = json.loads((folder / FACTS).read_bytes())
        if any((folder / name).stat().st_size != size for name, size in said["files"].items()):
            return None
        return FinishedShard(folder, said["facts"], said["next_row"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def remove_unfinished(scratch: Path) -> None:
    """Remove what a killed process left."""
    for folder in scratch.glob(f"{UNFINISHED}*"):
        durable.remove_tree(folder)


class TokenShardWriter:
    """Collects one split's documents and makes a shard whenever it is full."""

    def __init__(self, scratch: Path, split: str, max_tokens: int) -> None:
        self.scratch, self.split, self.max_tokens = scratch, split, max_tokens
        self.shards = whole_shards(scratch, split)
        self._start()

    @property
    def next_row(self) -> int:
        """The first row of the corpus that is in no complete shard."""
        return self.shards[-1].next_row if self.shards else 0

    def _start(self) -> None:
        self._waiting: list[tuple[DocumentBatch, Encoded]] = []
        self._tokens = 0

    def add(self, documents: DocumentBatch, encoded: Encoded) -> None:
        """Add the next documents, none of which is cut; a full shard is written."""
        ends = np.concatenate([[0], np.cumsum(encoded.lengths)])
        first, count = 0, len(encoded.lengths)
        while first < count:
            room = self.max_tokens - self._tokens
            last = int(np.searchsorted(ends, ends[first] + room, "right")) - 1
            if last <= first and self._tokens:  # the next document does not fit
                self.flush()
                continue
            last = max(last, first + 1)  # a document longer than a shard gets one of its own
            chosen = slice(first, last)
            some = DocumentBatch(
                documents.split,
                documents.rows[chosen],
                documents.ids[chosen],
                documents.bytes[chosen],
            )
            tokens = encoded.tokens[ends[first] : ends[last]]
            self._waiting.append((some, Encoded(tokens, encoded.lengths[chosen])))
            self._tokens += len(tokens)
            first = last

    def flush(self) -> None:
        """Write the documents that were added since the last shard as a shard."""
        if not self._waiting:
            return
        name = f"{self.split}-{len(self.shards):05d}"
        ids = pa.concat_arrays([documents.ids for documents, _ in self._waiting])
        sizes = np.concatenate([documents.bytes for documents, _ in self._waiting])
        facts = {
            "shard": f"{name}.safetensors",
            "split": self.split,
            "tokens": self._tokens,
            "bytes": int(sizes.sum()),
            "documents": len(ids),
            "first_document": ids[0].as_py(),
            "last_document": ids[-1].as_py(),
        }
        next_row = int(self._waiting[-1][0].rows[-1]) + 1
        unfinished = self.scratch / f"{UNFINISHED}{os.getpid()}"
        unfinished.mkdir(parents=True)
        lengths = np.concatenate([encoded.lengths for _, encoded in self._waiting])
        save(unfinished / TOKENS, [encoded.tokens for _, encoded in self._waiting], lengths)
        table = pa.table({"id": ids, "bytes": sizes})
        with pa.ipc.new_file(str(unfinished / DOCUMENTS), table.schema) as writer:
            writer.write_table(table)
        files = {path.name: path.stat().st_size for path in unfinished.iterdir()}
        said = {"facts": facts, "next_row": next_row, "files": files}
        (unfinished / FACTS).write_text(json.dumps(said))
        folder = self.scratch / name
        durable.publish(unfinished, folder)
        self.shards.append(FinishedShard(folder, facts, next_row))
        self._start()


def save(path: Path, tokens: list[np.ndarray], lengths: np.ndarray) -> None:
    """Write the same bytes as safetensors, without a second copy of the tokens in memory."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    head: dict[str, Any] = {}
    begin = 0
    for name, parts in (("offsets", [offsets]), ("tokens", tokens)):
        end = begin + sum(part.nbytes for part in parts)
        head[name] = {
            "dtype": _DTYPES[parts[0].dtype.name],
            "shape": [sum(len(part) for part in parts)],
            "data_offsets": [begin, end],
        }
        begin = end
    said = json.dumps(head, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)
    with path.open("xb") as file:
        file.write(len(said).to_bytes(8, "little"))
        file.write(said)
        for array in [offsets, *tokens]:
            file.write(np.ascontiguousarray(array).data)


def documents_of(shards: list[FinishedShard], schema: pa.Schema) -> Iterator[pa.Table]:
    """A table for each shard: its documents with the shard's name."""
    for shard in shards:
        table = shard.documents()
        names = pa.array([shard.facts["shard"]] * table.num_rows, pa.string())
        columns = {"shard": names, "id": table["id"], "bytes": table["bytes"]}
        yield pa.table(columns, schema=schema)
