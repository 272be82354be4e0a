"""Turns the corpus into files of token ids, ready to be memory-mapped by training.

In: corpus and tokenizer folders. Out: per split `<split>-00000.safetensors` … with `tokens`
(each document is the document token, then its ids; uint16 where the vocabulary fits, conversation
tokens counted, else uint32) and `offsets` (documents + 1, int64); shards.parquet;
document_ids.parquet with the UTF-8 bytes of each document, for bits per byte. Documents keep the
corpus's order and are never cut.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import save_file

from pipeline.stage import Progress, Stage
from pipeline.tokenizer.config import ShardConfig
from pipeline.tokenizer.corpus_text import documents
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from pipeline.tokenizer.tokenizer import Tokenizer
from storage.errors import UserError
from storage.schemas import TOKEN_SHARDS
from storage.tables import write_table

SPLITS = ("train", "validation")
DOCUMENT_IDS = pa.schema([("shard", pa.string()), ("id", pa.string()), ("bytes", pa.int64())])


class ShardWriter:
    """Collects one split's documents and writes a file whenever it is full."""

    def __init__(self, out: Path, split: str, max_tokens: int, dtype: type) -> None:
        self.out, self.split, self.max_tokens, self.dtype = out, split, max_tokens, dtype
        self.shards: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []
        self._start()

    def _start(self) -> None:
        self.pieces: list[np.ndarray] = []
        self.ids: list[str] = []
        self.sizes: list[int] = []
        self.tokens = 0

    def add(self, id: str, ids: list[int], size_bytes: int) -> None:
        if self.tokens and self.tokens + len(ids) > self.max_tokens:
            self.flush()
        self.pieces.append(np.array(ids, dtype=self.dtype))
        self.ids.append(id)
        self.sizes.append(size_bytes)
        self.tokens += len(ids)

    def flush(self) -> None:
        if not self.pieces:
            return
        name = f"{self.split}-{len(self.shards):05d}.safetensors"
        offsets = np.zeros(len(self.pieces) + 1, dtype=np.int64)
        np.cumsum([len(piece) for piece in self.pieces], out=offsets[1:])
        save_file({"tokens": np.concatenate(self.pieces), "offsets": offsets}, self.out / name)
        self.shards.append(
            {
                "shard": name,
                "split": self.split,
                "tokens": self.tokens,
                "bytes": sum(self.sizes),
                "documents": len(self.ids),
                "first_document": self.ids[0],
                "last_document": self.ids[-1],
            }
        )
        self.documents += [
            {"shard": name, "id": id, "bytes": size} for id, size in zip(self.ids, self.sizes)
        ]
        self._start()


def token_dtype(vocab_size: int) -> type:
    """uint16 while the conversation tokens, added later, still fit."""
    return np.uint16 if vocab_size + len(CONVERSATION_TOKENS) <= 1 << 16 else np.uint32


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: ShardConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    (corpus,), (tokenizer_folder,) = inputs["corpus"], inputs["tokenizer"]
    tokenizer = Tokenizer.load(tokenizer_folder)
    dtype = token_dtype(tokenizer.vocab_size)
    shards: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    done = 0
    for split in SPLITS:
        writer = ShardWriter(out, split, config.max_tokens_per_shard, dtype)
        for batch in documents(corpus, split, config.batch_documents):
            encoded = tokenizer.encode_batch([row["text"] for row in batch])
            for row, ids in zip(batch, encoded):
                document = [tokenizer.document_token, *ids]
                writer.add(row["id"], document, len(row["text"].encode()))
                done += len(document)
            progress.update(done, None, "tokens")
        writer.flush()
        if not writer.shards:
            raise UserError(
                f"the {split} split of {corpus} is empty: give the corpus pages from more hosts, "
                "or change split.validation_fraction"
            )
        shards += writer.shards
        rows += writer.documents
    write_table(pa.Table.from_pylist(shards, schema=TOKEN_SHARDS), out / "shards.parquet")
    write_table(pa.Table.from_pylist(rows, schema=DOCUMENT_IDS), out / "document_ids.parquet")
    statistics: dict[str, Any] = {"dtype": np.dtype(dtype).name}
    for split in SPLITS:
        mine = [shard for shard in shards if shard["split"] == split]
        tokens, size = sum(s["tokens"] for s in mine), sum(s["bytes"] for s in mine)
        statistics[split] = {
            "tokens": tokens,
            "bytes": size,
            "documents": sum(s["documents"] for s in mine),
            "bytes_per_token": round(size / tokens, 6),
        }
    return statistics


STAGE = Stage(kind="tokens", version=1, config=ShardConfig, build=build)
