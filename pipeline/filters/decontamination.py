"""Finds pages that contain text of an evaluation set: a shared run of 13 words is enough.

In: the files of the sets, then one text after another. Out: which example matched, how often, and
at which positions; `cleaned` cuts the matches out or drops the page. Source: GPT-3 (arXiv
2005.14165, appendix C): 13-grams of lower-cased words without punctuation, shorter examples whole
from 8 words on, 200 characters cut on either side. Digits are kept, since a sum consists of them.
The index takes 14 to 16 bytes an n-gram: sorted hashes, their examples, and a bit table that
rejects most n-grams at once.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from pipeline import ranges, unspaced
from pipeline.filters import _ngrams
from pipeline.filters.examples import Example, read_examples

Action = Literal["drop", "cut", "report"]


@dataclasses.dataclass(frozen=True)
class DecontaminationConfig:
    """How much of an evaluation set a page may hold. Source: GPT-3, appendix C, if not said."""

    ngram_words: int = 13  # twice as many letters in Thai, Lao, Khmer and Burmese
    min_ngram_words: int = 8  # an example of 8 to 12 words is looked for whole; below, not at all
    # what happens to a page that matches: drop it, cut the places out, or only report them
    action: Action = "drop"
    cut_margin_characters: int = 200  # cut on either side of a match
    min_piece_characters: int = 200  # what a cut leaves over, if shorter, goes as well
    max_pieces: int = 10  # a page cut into more is dropped
    # words of two letters or more in an n-gram; runs of numbers and single letters stand anywhere.
    # A sign of a script without spaces is half a word. Ours: it took 19 of 22 finds off a crawl of
    # 12,360 pages, all of them false; the three left are true quotes.
    min_spelled_words: int = 5
    # an n-gram of more examples than this is the wording of the task, not its content. GPT-3 takes
    # instead those that occur ten times or more in the training data.
    max_examples_per_ngram: int = 10
    fields: tuple[str, ...] = ()  # which keys of a row count; () = all its texts

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="min_ngram_words", one_of={"action": get_args(Action)})
        ranges.refuse(
            self,
            (
                self.min_ngram_words > self.ngram_words,
                f"min_ngram_words: {self.min_ngram_words} must be from 1 to ngram_words",
            ),
        )


@dataclasses.dataclass(frozen=True)
class Match:
    """How often one example matches in one document."""

    benchmark: str
    example: int
    ngrams: int


@dataclasses.dataclass(frozen=True)
class Contamination:
    """What was found in a text: matches, the most n-grams first, and disjoint spans, in order."""

    matches: tuple[Match, ...]
    spans: tuple[tuple[int, int], ...]  # characters


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_LONGEST_WORD = 50  # characters; a cut goes through a longer word
_BITS_PER_NGRAM = 16  # of the bit table that rejects most n-grams of a text at once
_SMALL_SIGNS_PER_WORD = 2  # Thai, Lao, Khmer and Burmese letters, as unspaced.SIGNS_PER_NGRAM_WORD

_ngrams.set_unspaced(unspaced.RANGES)


class NgramIndex:
    """The n-grams of evaluation sets; `scan` looks for them in a text."""

    def __init__(self, examples: Iterable[Example], config: DecontaminationConfig) -> None:
        self.config = config
        self.files: list[str] = []  # of each example
        self.numbers: list[int] = []
        self.unprotected = 0  # examples too short, or of numbers alone
        self._powers = _Powers()
        self._tables = self._build(examples)

    @property
    def ngrams(self) -> int:
        """How many n-grams are looked for."""
        return sum(len(table.hashes) for table in self._tables.values())

    def scan(self, text: str) -> Contamination | None:
        """The examples that share an n-gram with the text; None for no example."""
        raw_hashes, raw_starts, raw_ends, _ = _ngrams.words(text)
        hashes = np.frombuffer(raw_hashes, np.uint64)
        positions: list[np.ndarray] = []
        sizes: list[np.ndarray] = []
        owners: list[np.ndarray] = []
        sums = self._powers.sums(hashes)
        for size, table in self._tables.items():
            at, owner = table.find(self._powers.ngrams(sums, size))
            if len(at):
                positions.append(at)
                sizes.append(np.full(len(at), size))
                owners.append(owner)
        if not positions:
            return None
        first, width = np.concatenate(positions), np.concatenate(sizes)
        starts, ends = np.frombuffer(raw_starts, np.int64), np.frombuffer(raw_ends, np.int64)
        spans = _joined(starts[first], ends[first + width - 1])
        examples, counts = np.unique(np.concatenate(owners), return_counts=True)
        order = np.lexsort((examples, -counts))
        matches = tuple(
            Match(self.files[example], self.numbers[example], count)
            for example, count in zip(examples[order].tolist(), counts[order].tolist())
        )
        return Contamination(matches, spans)

    def _build(self, examples: Iterable[Example]) -> dict[int, "_Table"]:
        collected: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        for example in examples:
            by_size = self._ngrams_of(example)
            self.unprotected += not by_size
            owner = len(self.files)
            self.files.append(example.file)
            self.numbers.append(example.number)
            for size, ngrams in by_size.items():
                own = np.full(len(ngrams), owner, np.int32)
                collected.setdefault(size, []).append((ngrams, own))
        most = self.config.max_examples_per_ngram
        return {size: _Table(collected[size], most) for size in sorted(collected)}

    def _ngrams_of(self, example: Example) -> dict[int, np.ndarray]:
        """The n-grams of an example by their length: of each of its texts, and of all in a row."""
        found: dict[int, list[np.ndarray]] = {}
        texts = [*example.texts, example.text] if len(example.texts) > 1 else example.texts
        for text in texts:
            raw, _, _, raw_weights = _ngrams.words(text)
            hashes, weights = np.frombuffer(raw, np.uint64), np.frombuffer(raw_weights, np.uint8)
            signs = _SMALL_SIGNS_PER_WORD if unspaced.has_small_signs(text) else 1
            size = min(signs * self.config.ngram_words, len(hashes))
            if size >= signs * self.config.min_ngram_words:
                ngrams = self._powers.ngrams(self._powers.sums(hashes), size)
                told = np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])
                telling = told[size:] - told[:-size] >= 2 * self.config.min_spelled_words
                if telling.any():
                    found.setdefault(size, []).append(ngrams[telling])
        return {size: np.unique(np.concatenate(parts)) for size, parts in found.items()}


class _Powers:
    """Polynomial hashes of word n-grams: sums over words i of hash[i] * M^i, modulo 2^64."""

    def __init__(self) -> None:
        self._up = self._down = np.ones(1, np.uint64)

    def sums(self, hashes: np.ndarray) -> np.ndarray:
        """Running sums, with a 0 before the first."""
        if len(hashes) > len(self._up):
            more = np.full(max(len(hashes), 2 * len(self._up)) - 1, _MULTIPLIER)
            self._up = np.concatenate([np.ones(1, np.uint64), np.cumprod(more)])
            self._down = np.concatenate(
                [np.ones(1, np.uint64), np.cumprod(np.full(len(more), _INVERSE))]
            )
        sums = np.zeros(len(hashes) + 1, np.uint64)
        np.cumsum(hashes * self._up[: len(hashes)], out=sums[1:])
        return sums

    def ngrams(self, sums: np.ndarray, size: int) -> np.ndarray:
        """The hash of each run of that many words; it does not depend on the run's position."""
        if len(sums) <= size:
            return np.empty(0, np.uint64)
        runs: np.ndarray = sums[size:] - sums[:-size]
        return runs * self._down[: len(runs)]


class _Table:
    """Sorted n-grams of one length with the first example each is from."""

    def __init__(self, parts: Sequence[tuple[np.ndarray, np.ndarray]], most: int) -> None:
        hashes = np.concatenate([ngrams for ngrams, _ in parts])
        owners = np.concatenate([own for _, own in parts])
        order = np.argsort(hashes, kind="stable")
        hashes, owners = hashes[order], owners[order]
        unique, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        kept = counts <= most
        self.hashes: np.ndarray = unique[kept]
        self.owners: np.ndarray = owners[first[kept]]
        # a power of two of bits, addressed by the high bits of a product: one bit in 16 is set
        size = int(np.ceil(np.log2(max(1, len(self.hashes)) * _BITS_PER_NGRAM)))
        self._shift = np.uint64(64 - max(10, size))
        bits = np.zeros(1 << max(10, size), np.bool_)
        bits[self._slots(self.hashes)] = True
        self._sieve = np.packbits(bits, bitorder="little")

    def find(self, ngrams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The positions of a text's n-grams that are in the table, and the example of each."""
        if not len(self.hashes):
            return np.empty(0, np.int64), np.empty(0, np.int32)
        slots = self._slots(ngrams)
        bits = self._sieve[slots >> np.uint64(3)] >> (slots & np.uint64(7)).astype(np.uint8)
        candidates = np.flatnonzero(bits & 1)
        if not len(candidates):
            return candidates, np.empty(0, np.int32)
        wanted = ngrams[candidates]
        at = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        here = self.hashes[at] == wanted
        return candidates[here], self.owners[at[here]]

    def _slots(self, ngrams: np.ndarray) -> np.ndarray:
        slots: np.ndarray = (ngrams * _MULTIPLIER) >> self._shift
        return slots


def build_index(files: Sequence[Path], config: DecontaminationConfig) -> NgramIndex:
    """The index of evaluation sets, from files in any format that `examples` reads."""
    return NgramIndex((e for file in files for e in read_examples(file, config.fields)), config)


def cleaned(text: str, found: Contamination, config: DecontaminationConfig) -> str | None:
    """The text without its matches; None if the page is dropped or too little is left."""
    if config.action == "report":
        return text
    if config.action == "drop":
        return None
    margin = config.cut_margin_characters
    pieces, position = [], 0
    for start, end in found.spans:
        if start - margin > position:
            pieces.append(text[position : _word_end(text, start - margin)])
        position = max(position, _word_start(text, end + margin))
    pieces.append(text[position:])
    left = [piece.strip() for piece in pieces]
    left = [piece for piece in left if len(piece) >= config.min_piece_characters]
    if not left or len(left) > config.max_pieces:
        return None
    return "\n".join(left)


def _joined(starts: np.ndarray, ends: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Spans in which overlapping ones are joined."""
    order = np.argsort(starts, kind="stable")
    spans: list[tuple[int, int]] = []
    for start, end in zip(starts[order].tolist(), ends[order].tolist()):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return tuple(spans)


def _word_end(text: str, position: int) -> int:
    """The end of the last whole word before a position, if one is near; else the position."""
    for near in range(position, max(0, position - _LONGEST_WORD), -1):
        if text[near].isspace():
            return near
    return position


def _word_start(text: str, position: int) -> int:
    """The start of the first whole word from a position on, if one is near; else the position."""
    for near in range(position, min(len(text), position + _LONGEST_WORD)):
        if text[near - 1].isspace():
            return near
    return position
