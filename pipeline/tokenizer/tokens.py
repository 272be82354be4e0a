"""Turns the corpus into files of token ids, ready to be memory-mapped by training.

In: corpus and tokenizer folders. Out: per split `<split>-00000.safetensors` … with `tokens`
(each document is the document token, then its ids; uint16 where the vocabulary fits, conversation
tokens counted, else uint32) and `offsets` (documents + 1, int64); shards.parquet;
document_ids.parquet with the UTF-8 bytes of each document, for bits per byte. Documents keep the
corpus's order and are never cut. A run that was killed continues after the shards that are
complete; neither that nor the number of processes changes a byte.
"""

import time
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa

from pipeline.stage import Progress, Stage
from pipeline.tokenizer.config import TokensConfig
from pipeline.tokenizer.encoding import encoded, split_sizes
from pipeline.tokenizer.shard_files import (
    FinishedShard,
    TokenShardWriter,
    documents_of,
    remove_unfinished,
)
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from pipeline.tokenizer.tokenizer import Tokenizer
from storage.errors import UserError
from storage.schemas import TOKEN_SHARDS
from storage.tables import table, write_table, write_tables

SPLITS = ("train", "validation")
DOCUMENT_IDS = pa.schema([("shard", pa.string()), ("id", pa.string()), ("bytes", pa.int64())])


class TokensInputs(TypedDict):
    """Folders of artifacts, one each."""

    corpus: list[Path]
    tokenizer: list[Path]


class SplitStatistics(TypedDict):
    """Of one split."""

    tokens: int  # document tokens included
    bytes: int  # of UTF-8 text
    documents: int
    bytes_per_token: float


class TokensStatistics(TypedDict):
    """Of a `tokens` artifact."""

    dtype: str  # uint16 or uint32
    train: SplitStatistics
    validation: SplitStatistics


def token_dtype(vocab_size: int) -> type:
    """uint16 if the conversation tokens, which are added later, still fit; else uint32."""
    return np.uint16 if vocab_size + len(CONVERSATION_TOKENS) <= 1 << 16 else np.uint32


def build(
    out: Path,
    inputs: TokensInputs,
    config: TokensConfig,
    progress: Progress,
    scratch: Path,
) -> TokensStatistics:
    """The `tokens` stage."""
    (corpus,), (tokenizer,) = inputs["corpus"], inputs["tokenizer"]
    shards = make_shards(corpus, tokenizer, config, progress, scratch)
    for shard in shards:
        shard.put(out)
    facts = [shard.facts for shard in shards]
    write_table(table(facts, TOKEN_SHARDS), out / "shards.parquet")
    write_tables(documents_of(shards, DOCUMENT_IDS), DOCUMENT_IDS, out / "document_ids.parquet")
    dtype = token_dtype(Tokenizer.load(tokenizer).vocab_size)
    return {
        "dtype": np.dtype(dtype).name,
        "train": _statistics(facts, "train"),
        "validation": _statistics(facts, "validation"),
    }


def _statistics(facts: list[dict[str, Any]], split: str) -> SplitStatistics:
    mine = [shard for shard in facts if shard["split"] == split]
    tokens, size = sum(s["tokens"] for s in mine), sum(s["bytes"] for s in mine)
    return {
        "tokens": tokens,
        "bytes": size,
        "documents": sum(s["documents"] for s in mine),
        "bytes_per_token": round(size / tokens, 6),
    }


def make_shards(
    corpus: Path,
    tokenizer_folder: Path,
    config: TokensConfig,
    progress: Progress,
    scratch: Path,
    processes: int = 0,
) -> list[FinishedShard]:
    """All shards of the corpus, including those of an earlier run that was killed.

    Args:
        corpus: the artifact's folder.
        tokenizer_folder: the tokenizer's.
        config: how files are cut.
        progress: is told of documents done.
        scratch: where shards are made and kept.
        processes: 0: as many as speed it up.

    Raises:
        UserError: a split is empty.
    """
    sizes = split_sizes(corpus)
    for split in SPLITS:
        if not sizes.get(split):
            raise UserError(
                f"the {split} split of {corpus} is empty: give the corpus pages from more hosts, "
                "or change split.validation_fraction"
            )
    total = sum(sizes[split] for split in SPLITS)
    dtype = token_dtype(Tokenizer.load(tokenizer_folder).vocab_size)
    remove_unfinished(scratch)
    writers = {
        split: TokenShardWriter(scratch, split, config.max_tokens_per_shard) for split in SPLITS
    }
    kept = [shard for writer in writers.values() for shard in writer.shards]
    done = sum(shard.facts["documents"] for shard in kept)
    if kept:
        progress.note(f"token shards: {len(kept)} of an earlier run are whole and kept")
    starts = {split: writer.next_row for split, writer in writers.items()}
    made, started = 0, time.monotonic()
    for documents, tokens in encoded(
        corpus, starts, tokenizer_folder, dtype, config.batch_documents, processes
    ):
        writers[documents.split].add(documents, tokens)
        done += len(tokens.lengths)
        made += len(tokens.tokens)
        rate = made / max(1e-9, time.monotonic() - started)
        progress.update(done, total, "documents", tokens_per_second=rate)
    for writer in writers.values():
        writer.flush()
    return [shard for writer in writers.values() for shard in writer.shards]


STAGE = Stage(kind="tokens", version=1, config=TokensConfig, build=build)
