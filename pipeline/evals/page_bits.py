"""Pages of the corpus as evaluations read them, and how many bits the model needs for each.

In: the corpus' tables, of which only some rows at a time are in memory. Out: `CorpusPage`s by
split, and `PageBits`: bits and bytes of each page and of each of its tokens, from which suites take
any group of pages or passages without running the model again.
"""

import bisect
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pipeline.corpus.read import corpus_batches
from pipeline.evals.asking import ScoreRow, Subject
from pipeline.intervals import bootstrap_ratio
from pipeline.training.bits_per_byte import read

COLUMNS = ["id", "text", "split", "host", "language"]


@dataclasses.dataclass(frozen=True)
class CorpusPage:
    """A page; host and language are empty if the corpus doesn't have them."""

    id: str
    text: str
    host: str = ""
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Pages:
    """The pages of one split in the corpus' order; each iteration reads the files again."""

    corpus: Path
    split: str  # train or validation

    def __iter__(self) -> Iterator[CorpusPage]:
        for batch in corpus_batches(self.corpus, COLUMNS):
            for row in batch.to_pylist():
                if (row["split"] == "validation") == (self.split == "validation"):
                    yield CorpusPage(
                        row["id"], row["text"], row["host"] or "", row["language"] or ""
                    )

    def texts(self, max_bytes: int | None = None) -> Iterator[str]:
        """The pages' texts up to about `max_bytes` of UTF-8; None: all."""
        for page in self:
            if max_bytes is not None:
                if max_bytes <= 0:
                    return
                max_bytes -= len(page.text.encode("utf-8"))
            yield page.text


@dataclasses.dataclass(frozen=True)
class PageBits:
    """Pages with the bits that the model needs for each, and each one's size."""

    pages: list[CorpusPage]
    bits: np.ndarray  # [pages] float64
    bytes: np.ndarray  # [pages] int64: of UTF-8
    tokens: list[np.ndarray]  # a page: [tokens] int64, ids without the document token
    token_bits: list[np.ndarray]  # a page: [tokens] float64

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of all pages together."""
        return float(self.bits.sum() / self.bytes.sum())

    def of(self, chosen: Sequence[int]) -> "PageBits":
        """The pages with these indices."""
        index = np.array(chosen, dtype=np.int64)
        return PageBits(
            [self.pages[i] for i in chosen],
            self.bits[index],
            self.bytes[index],
            [self.tokens[i] for i in chosen],
            [self.token_bits[i] for i in chosen],
        )

    def interval(self, samples: int, seed: int) -> tuple[float, float]:
        """The 95% interval of bits per byte, by bootstrap over pages."""
        return bootstrap_ratio(self.bits, self.bytes, samples, seed)

    def row(self, suite: str, task: str, samples: int, seed: int) -> ScoreRow:
        """Bits per byte as a row of the evals table, its interval by bootstrap over pages."""
        low, high = self.interval(samples, seed)
        return {
            "suite": suite,
            "task": task,
            "metric": "bits_per_byte",
            "value": self.bits_per_byte,
            "low": low,
            "high": high,
            "n": len(self.pages),
        }


def choose(pages: Iterable[CorpusPage], documents: int | None, max_bytes: int) -> list[CorpusPage]:
    """The pages with text whose ids are the lowest; no more than these are ever in memory.

    Args:
        pages: in any order.
        documents: the most to choose; None: any number.
        max_bytes: of UTF-8 text; the page that passes it is the last.
    """
    chosen: list[CorpusPage] = []
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


def measure(subject: Subject, pages: Sequence[CorpusPage]) -> PageBits:
    """Measure the bits of each page; it is read by itself, after the document token."""
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
    return PageBits(list(pages), nats / math.log(2), bytes_, tokens, token_bits)


def byte_lengths(subject: Subject) -> np.ndarray:
    """[vocab] int64: UTF-8 bytes of each token."""
    return np.array([len(token) for token in subject.tokenizer.token_bytes], dtype=np.int64)
