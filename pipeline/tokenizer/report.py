"""How well a vocabulary fits its corpus: bytes per token by language, by host, by vocabulary size.

In: corpus and tokenizer folders. Out: compression.parquet, measured on the validation split (at
most `max_bytes`, whole documents by the hash of their ids). Smaller vocabularies need no training
of their own: byte-pair merges are learned greedily, so the first V tokens are a vocabulary of V.
Intervals are by bootstrap over documents. `CASES` are strings that people look at first.
"""

import collections
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import tokenizers

from pipeline.corpus.read import corpus_batches
from pipeline.intervals import bootstrap_ratio
from pipeline.stage import Progress, Stage
from pipeline.tokenizer.config import SMALLEST_VOCABULARY, TokenizerReportConfig
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.tokenizer.train import sampled
from storage.errors import UserError
from storage.schemas import COMPRESSION
from storage.tables import table, write_table

CASES = {
    "digits": "In 2024 it was 3.14159 or 1,234,567",
    "white space": "a  b\t\tc\n\n\n    d",
    "code": "def add(a, b):\n    return a + b  # sum\n",
    "contractions": "don't I'll they've WE'RE",
    "German": "Die Straßenbahnhaltestelle liegt gegenüber.",
    "Chinese": "今天天气很好，我们去公园。",
    "Japanese": "今日は天気がいいので公園へ行きます。",
    "Russian": "Сегодня хорошая погода.",
    "emoji": "👍🏽 👩‍👩‍👧 🎉",
}


class ReportInputs(TypedDict):
    """Folders of artifacts, one each."""

    corpus: list[Path]
    tokenizer: list[Path]


class ReportStatistics(TypedDict):
    """Of a `tokenizer_report` artifact."""

    bytes_per_token: float  # of all measured documents
    documents: int
    bytes: int  # of UTF-8 text


def prefix(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    """The vocabulary of `vocab_size` that training found on the way to this one.

    Raises:
        UserError: the size is larger than this one, or smaller than the least possible.
    """
    if not SMALLEST_VOCABULARY <= vocab_size <= tokenizer.vocab_size:
        raise UserError(
            f"a vocabulary of {vocab_size} can't be cut from one of {tokenizer.vocab_size}"
            f" (the least is {SMALLEST_VOCABULARY})"
        )
    said = json.loads(tokenizer.to_json())
    model = said["model"]
    model["vocab"] = {piece: id for piece, id in model["vocab"].items() if id < vocab_size}
    model["merges"] = model["merges"][: vocab_size - SMALLEST_VOCABULARY]
    return Tokenizer(tokenizers.Tokenizer.from_str(json.dumps(said)))


def sizes_up_to(vocab_size: int) -> list[int]:
    """The powers of two from 512 on that are below `vocab_size`, and `vocab_size` itself."""
    powers = [2**n for n in range(9, vocab_size.bit_length() + 1)]
    return [*(size for size in powers if size < vocab_size), vocab_size]


def build(
    out: Path,
    inputs: ReportInputs,
    config: TokenizerReportConfig,
    progress: Progress,
    scratch: Path,
) -> ReportStatistics:
    """The `tokenizer_report` stage."""
    (corpus,), (tokenizer_folder,) = inputs["corpus"], inputs["tokenizer"]
    tokenizer = Tokenizer.load(tokenizer_folder)
    documents = _sample(corpus, config.max_bytes)
    texts = [row["text"] for row in documents]
    sizes = np.array([len(text.encode()) for text in texts], dtype=np.int64)
    counts = _counts(tokenizer, texts)

    def row(kind: str, name: str, chosen: Sequence[int], counts: np.ndarray) -> dict[str, Any]:
        index = np.asarray(chosen, dtype=np.int64)
        low, high = bootstrap_ratio(
            sizes[index], counts[index], config.bootstrap_samples, config.seed
        )
        size, tokens = int(sizes[index].sum()), int(counts[index].sum())
        found = {"bytes": size, "tokens": tokens, "bytes_per_token": size / tokens}
        return {"kind": kind, "name": name, "documents": len(index), **found} | {
            "low": low,
            "high": high,
        }

    everything = range(len(texts))
    rows = [row("all", "validation", everything, counts)]
    for kind, limit in (("language", None), ("host", config.max_hosts)):
        groups = collections.defaultdict(list)
        for number, document in enumerate(documents):
            groups[document[kind] or "unknown"].append(number)
        largest = sorted(groups, key=lambda name: (-int(sizes[groups[name]].sum()), name))
        rows += [row(kind, name, groups[name], counts) for name in largest[:limit]]
    for size in sizes_up_to(tokenizer.vocab_size):
        progress.update(size, tokenizer.vocab_size, "vocabulary")
        rows.append(
            row("vocab_size", str(size), everything, _counts(prefix(tokenizer, size), texts))
        )
    rows += [_case(tokenizer, name, text) for name, text in CASES.items()]
    write_table(table(rows, COMPRESSION), out / "compression.parquet")
    return {
        "bytes_per_token": rows[0]["bytes_per_token"],
        "documents": len(texts),
        "bytes": int(sizes.sum()),
    }


def _sample(corpus: Path, max_bytes: int) -> list[dict[str, Any]]:
    """An even sample of the validation documents, by the hash of their ids: about `max_bytes`."""
    total = 0
    for batch in corpus_batches(corpus, ["text", "split"], 1_000):
        total += sum(len(r["text"].encode()) for r in batch.to_pylist() if _held_out(r))
    if not total:
        raise UserError(f"the validation split of {corpus} is empty: there is nothing to measure")
    fraction = min(1.0, max_bytes / total)
    chosen: list[dict[str, Any]] = []
    for batch in corpus_batches(corpus, ["id", "text", "split", "language", "host"], 1_000):
        rows = [r for r in batch.to_pylist() if _held_out(r)]
        chosen += [r for r in rows if fraction == 1.0 or sampled(r["id"], fraction)]
    return chosen or [r for r in rows if r["text"]][:1]


def _held_out(row: dict[str, Any]) -> bool:
    return row["split"] == "validation" and bool(row["text"])


def _counts(tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    return np.array([len(ids) for ids in tokenizer.encode_batch(texts)], dtype=np.int64)


def _case(tokenizer: Tokenizer, name: str, text: str) -> dict[str, Any]:
    size, tokens = len(text.encode()), len(tokenizer.encode(text))
    found = {"bytes": size, "tokens": tokens, "bytes_per_token": size / tokens}
    return {"kind": "case", "name": name, "documents": 1, **found, "low": None, "high": None}


STAGE = Stage(kind="tokenizer_report", version=1, config=TokenizerReportConfig, build=build)
