"""Pages of the corpus as evaluations read them, and what the model makes of each, in bits.

In: the corpus' tables. Out: `Page`s by split, and `Measured`: bits and bytes of each page, from
which suites take any group of pages without asking the model again.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.read import corpus_table
from pipeline.evals.asking import Subject
from pipeline.intervals import bootstrap_ratio
from pipeline.training.bits_per_byte import measure as measure_documents

COLUMNS = ["id", "text", "split", "host", "language"]


@dataclasses.dataclass(frozen=True)
class Page:
    """A page; host and language are empty where the corpus doesn't say."""

    id: str
    text: str
    host: str = ""
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Measured:
    """Pages with the bits the model needs for each and the UTF-8 bytes it has."""

    pages: list[Page]
    bits: np.ndarray  # float64
    bytes: np.ndarray  # int64

    @property
    def bits_per_byte(self) -> float:
        """Over all pages together."""
        return float(self.bits.sum() / self.bytes.sum())

    def of(self, chosen: Sequence[int]) -> "Measured":
        """Some of the pages."""
        index = np.array(chosen, dtype=np.int64)
        return Measured([self.pages[i] for i in chosen], self.bits[index], self.bytes[index])

    def row(self, suite: str, task: str, samples: int, seed: int) -> dict[str, Any]:
        """Bits per byte as a row of the evals table, its interval by bootstrap over pages."""
        low, high = bootstrap_ratio(self.bits, self.bytes, samples, seed)
        return {
            "suite": suite,
            "task": task,
            "metric": "bits_per_byte",
            "value": self.bits_per_byte,
            "low": low,
            "high": high,
            "n": len(self.pages),
        }


def read(corpus: Path) -> tuple[list[Page], list[Page]]:
    """Training and validation pages, in the corpus' order."""
    train: list[Page] = []
    validation: list[Page] = []
    for row in corpus_table(corpus, COLUMNS).to_pylist():
        page = Page(row["id"], row["text"], row["host"] or "", row["language"] or "")
        (validation if row["split"] == "validation" else train).append(page)
    return train, validation


def choose(pages: Sequence[Page], documents: int, max_bytes: int) -> list[Page]:
    """Pages in the order of their ids, up to a number of them and of bytes."""
    chosen: list[Page] = []
    for page in sorted(pages, key=lambda page: page.id)[:documents]:
        if max_bytes <= 0:
            break
        if page.text:
            chosen.append(page)
            max_bytes -= len(page.text.encode("utf-8"))
    return chosen


def measure(subject: Subject, pages: Sequence[Page]) -> Measured:
    """Bits of each page; it starts with the document token and is read alone."""
    tokenizer = subject.tokenizer
    documents = [
        np.array([tokenizer.document_token, *ids], dtype=np.int64)
        for ids in tokenizer.encode_batch([page.text for page in pages])
    ]
    found = measure_documents(
        subject.model,
        documents,
        tokenizer.token_bytes,
        subject.model.config.max_context,
        moved=subject.moved,
    )
    return Measured(list(pages), found.nats / math.log(2), found.bytes)
