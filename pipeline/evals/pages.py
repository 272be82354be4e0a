"""Pages of the corpus as evaluations read them, and what the model makes of each, in bits.

In: the corpus' tables, of which some rows at a time are in memory. Out: `Page`s by split, and
`Measured`: bits and bytes of each page and of each of its tokens, from which suites take any group
of pages, or of passages, without asking the model again.
"""

import bisect
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corpus.read import corpus_batches
from pipeline.evals.asking import Subject
from pipeline.intervals import bootstrap_ratio
from pipeline.training.bits_per_byte import read

COLUMNS = ["id", "text", "split", "host", "language"]


@dataclasses.dataclass(frozen=True)
class Page:
    """A page; host and language are empty where the corpus doesn't say."""

    id: str
    text: str
    host: str = ""
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Pages:
    """The pages of one split in the corpus' order, read from its files each time they are gone
    through.
    """

    corpus: Path
    split: str  # train or validation

    def __iter__(self) -> Iterator[Page]:
        for batch in corpus_batches(self.corpus, COLUMNS):
            for row in batch.to_pylist():
                if (row["split"] == "validation") == (self.split == "validation"):
                    yield Page(row["id"], row["text"], row["host"] or "", row["language"] or "")

    def texts(self, max_bytes: int | None = None) -> Iterator[str]:
        """Texts up to about so many UTF-8 bytes; None: all."""
        for page in self:
            if max_bytes is not None:
                if max_bytes <= 0:
                    return
                max_bytes -= len(page.text.encode("utf-8"))
            yield page.text


@dataclasses.dataclass(frozen=True)
class Measured:
    """Pages with the bits the model needs for each and the UTF-8 bytes it has."""

    pages: list[Page]
    bits: np.ndarray  # float64
    bytes: np.ndarray  # int64
    tokens: list[np.ndarray]  # ids of each page, without the document token
    token_bits: list[np.ndarray]  # float64, of each of them

    @property
    def bits_per_byte(self) -> float:
        """Over all pages together."""
        return float(self.bits.sum() / self.bytes.sum())

    def of(self, chosen: Sequence[int]) -> "Measured":
        """Some of the pages."""
        index = np.array(chosen, dtype=np.int64)
        return Measured(
            [self.pages[i] for i in chosen],
            self.bits[index],
            self.bytes[index],
            [self.tokens[i] for i in chosen],
            [self.token_bits[i] for i in chosen],
        )

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


def choose(pages: Iterable[Page], documents: int | None, max_bytes: int) -> list[Page]:
    """The pages with text whose ids come first, up to a number of them (None: any) and of UTF-8
    bytes; the page that passes `max_bytes` is the last. No more than these are ever held.
    """
    chosen: list[Page] = []
    sizes: list[int] = []
    total = 0
    for page in pages:
        if not page.text:
            continue
        at = bisect.bisect(chosen, page.id, key=lambda chosen_page: chosen_page.id)
        chosen.insert(at, page)
        sizes.insert(at, len(page.text.encode("utf-8")))
        total += sizes[at]
        while chosen and (
            total - sizes[-1] >= max_bytes or (documents is not None and len(chosen) > documents)
        ):
            chosen.pop()
            total -= sizes.pop()
    return chosen


def measure(subject: Subject, pages: Sequence[Page]) -> Measured:
    """Bits of each page; it starts with the document token and is read alone."""
    tokenizer = subject.tokenizer
    documents = [
        np.array([tokenizer.document_token, *ids], dtype=np.int64)
        for ids in tokenizer.encode_batch([page.text for page in pages])
    ]
    nats = np.zeros(len(documents))
    token_bits = [np.zeros(len(document) - 1) for document in documents]
    context = subject.model.config.max_context
    for group, found in read(subject.model, documents, context, moved=subject.moved):
        per_token = found.double()
        sums, rows = per_token.sum(dim=1).tolist(), per_token.cpu().numpy()
        for (length, page, start), total, row in zip(group, sums, rows):
            nats[page] += total
            token_bits[page][start : start + length] = row[:length] / math.log(2)
    sizes = byte_lengths(subject)
    tokens = [document[1:] for document in documents]
    bytes_ = np.array([int(sizes[ids].sum()) for ids in tokens], dtype=np.int64)
    return Measured(list(pages), nats / math.log(2), bytes_, tokens, token_bits)


def byte_lengths(subject: Subject) -> np.ndarray:
    """UTF-8 bytes of each token of the vocabulary."""
    return np.array([len(token) for token in subject.tokenizer.token_bytes], dtype=np.int64)
