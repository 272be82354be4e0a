"""Trains a quality model: a fastText classifier of the user's good and other texts.

In: files or corpus folders of good texts (positive) and of others (negative). Out: model.bin, and
report.json with its figures on held-out texts; personal data in the texts is replaced before.
Source: DCLM (arXiv 2406.11794, section 4.4): word bigrams, instructions and answers as positives,
random web pages as negatives, the best 10% kept. One thread and a seed, texts in the order of
their hashes: the same sets give the same bytes.
"""

import contextlib
import ctypes
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np

from pipeline import ranges
from pipeline.filters.examples import read_examples
from pipeline.filters.pii import DATA, PiiConfig, excerpt
from pipeline.filters.quality_scores import (
    NEGATIVE_LABEL,
    POSITIVE_LABEL,
    QualityModel,
    as_line,
)
from pipeline.filters.separation import AtThreshold, AucWithInterval, Separation, separation
from pipeline.stage import Progress, Stage
from storage.errors import UserError

SMALLEST_SIDE = 100  # texts of either kind: with fewer the figures would mean nothing
_SHOWN = 10  # texts at either end of the held-out negatives, for people to look at
_EXCERPT_CHARACTERS = 200
_M_PERTURB = -6  # glibc's <malloc.h>


@dataclasses.dataclass(frozen=True)
class QualityModelConfig:
    """How the classifier is trained. Source: DCLM, where no other is given."""

    max_texts_per_side: int = 200_000  # an even sample of larger sets
    fields: tuple[str, ...] = ()  # keys or columns that hold the text; () = see `examples`
    min_characters: int = 50  # shorter texts say nothing
    max_characters: int = 20_000  # of a text, the rest is not looked at (ours: bounds the time)
    held_out_fraction: float = 0.1  # of either side, by hash
    word_ngrams: int = 2
    learning_rate: float = 0.1  # halved, up to three times, where training overflows
    epochs: int = 5
    # DCLM: 100 dimensions, 2,000,000 buckets, every word. On 10,000 texts these separate as well
    # (AUC 0.989 against 0.986), in 45 MB instead of 1 GB.
    dimensions: int = 32
    buckets: int = 200_000  # for hashed bigrams
    min_word_count: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="held_out_fraction word_ngrams epochs dimensions buckets",
            below_one="held_out_fraction",
        )


class QualityModelInputs(TypedDict):
    """Files, or folders of corpora."""

    positive: list[Path]
    negative: list[Path]


class SplitCounts(TypedDict):
    """Numbers of texts."""

    train: int
    held_out: int


class QualityModelStatistics(SplitCounts):
    """Of a `quality_model` artifact; figures are of the held-out texts."""

    learning_rate: float  # at which training succeeded
    auc: AucWithInterval
    at_half: AtThreshold


class SideReport(TypedDict):
    """One of the two sets."""

    files: list[str]
    texts: int  # that were read


class ScoredText(TypedDict):
    """The beginning of a held-out text, and its score."""

    score: float
    text: str


class QualityModelReport(SplitCounts, Separation):
    """The file report.json."""

    positive: SideReport
    negative: SideReport
    learning_rate: float
    max_characters: int
    label: str
    negatives_scored_highest: list[ScoredText]
    negatives_scored_lowest: list[ScoredText]


@dataclasses.dataclass
class _Side:
    """One of the two sets, as lines in a file: hash, offset and length of each."""

    file: Path
    hashes: np.ndarray  # [texts] uint64
    offsets: np.ndarray  # [texts] int64, bytes
    lengths: np.ndarray  # [texts] int64, bytes
    read: int  # texts that were read


def build(
    out: Path,
    inputs: QualityModelInputs,
    config: QualityModelConfig,
    progress: Progress,
    scratch: Path,
) -> QualityModelStatistics:
    """The `quality_model` stage: write the model and its report."""
    good = _collect(inputs["positive"], config, scratch / "positive.txt", frozenset(), progress)
    others = _collect(
        inputs["negative"],
        config,
        scratch / "negative.txt",
        frozenset(good.hashes.tolist()),
        progress,
    )
    for name, side in (("positive", good), ("negative", others)):
        if len(side.hashes) < SMALLEST_SIDE:
            raise UserError(
                f"quality_model: {len(side.hashes)} different {name} texts of at least "
                f"{config.min_characters} characters; give it {SMALLEST_SIDE} or more"
            )
    train_file, held_out = scratch / "train.txt", scratch / "held_out.txt"
    counts = _split(
        [(POSITIVE_LABEL, good), (NEGATIVE_LABEL, others)], config, train_file, held_out
    )
    progress.note(f"training on {counts['train']:,} texts, {counts['held_out']:,} held out")
    rate = train(train_file, out / "model.bin", config, progress.note)

    model = QualityModel(out / "model.bin", max_characters=config.max_characters)
    is_good, scores, excerpts = _scored(held_out, model)
    measured = separation(scores[is_good], scores[~is_good])
    order = np.argsort(scores[~is_good], kind="stable").tolist()
    shown = [text for text, good_one in zip(excerpts, is_good.tolist()) if not good_one]
    report: QualityModelReport = {
        "positive": {"files": _names(inputs["positive"]), "texts": good.read},
        "negative": {"files": _names(inputs["negative"]), "texts": others.read},
        **counts,
        "learning_rate": rate,
        "max_characters": config.max_characters,
        "label": POSITIVE_LABEL,
        **measured,
        "negatives_scored_highest": [
            {"score": round(float(scores[~is_good][i]), 6), "text": shown[i]}
            for i in order[: -_SHOWN - 1 : -1]
        ],
        "negatives_scored_lowest": [
            {"score": round(float(scores[~is_good][i]), 6), "text": shown[i]}
            for i in order[:_SHOWN]
        ],
    }
    (out / "report.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    return {
        **counts,
        "learning_rate": rate,
        "auc": measured["auc"],
        "at_half": measured["at_half"],
    }


def train(
    lines: Path, model: Path, config: QualityModelConfig, note: Callable[[str], None]
) -> float:
    """Train on a file of labelled lines.

    Args:
        lines: the file.
        model: where to write the model.
        config: how to train.
        note: called with a line for people when training overflowed.

    Returns:
        The learning rate at which training succeeded.

    Raises:
        UserError: it overflows at every rate.
    """
    import fasttext

    rate = config.learning_rate
    for _ in range(4):
        try:
            with _zeroed_memory():
                trained = fasttext.train_supervised(
                    str(lines),
                    lr=rate,
                    dim=config.dimensions,
                    epoch=config.epochs,
                    minCount=config.min_word_count,
                    wordNgrams=config.word_ngrams,
                    bucket=config.buckets,
                    thread=1,
                    seed=config.seed,
                    verbose=0,
                )
        except RuntimeError as error:
            if "NaN" not in str(error):
                raise
            note(f"training overflowed at a learning rate of {rate:g}; once more with half of it")
            rate /= 2
            continue
        trained.save_model(str(model))
        return rate
    raise UserError(f"quality_model.learning_rate: even {rate * 2:g} overflows; set a lower one")


@contextlib.contextmanager
def _zeroed_memory() -> Iterator[None]:
    """While it is entered, allocated memory is zero, if the C library is glibc.

    With one thread fastText 0.9.3 initialises only the first tenth of its matrix and leaves the
    rest as the memory was: mostly zero, or another model's numbers, or NaN.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(_M_PERTURB, 0xFF)  # memory is filled with the complement of this byte
    try:
        yield
    finally:
        mallopt(_M_PERTURB, 0)


def _texts(paths: list[Path], config: QualityModelConfig) -> Iterator[tuple[int, str]]:
    """Every text that is long enough, with the hash of its line."""
    for path in paths:
        for example in read_examples(path, config.fields):
            line = as_line(example.text, config.max_characters)
            if len(line) >= config.min_characters:
                digest = hashlib.blake2b(line.encode("utf-8", "replace"), digest_size=8).digest()
                yield int.from_bytes(digest, "little"), example.text


def _collect(
    paths: list[Path],
    config: QualityModelConfig,
    file: Path,
    not_these: frozenset[int],
    progress: Progress,
) -> _Side:
    """An even sample without repeats: the texts with the smallest hashes, read in two passes.

    Args:
        paths: the set's files or folders.
        config: of the stage.
        file: where the sample is written, a text a line.
        not_these: hashes of texts of the other set, which are left out.
        progress: is told how many texts there are.
    """
    all_hashes = np.fromiter((number for number, _ in _texts(paths, config)), np.uint64)
    progress.note(f"{len(all_hashes):,} texts in {', '.join(_names(paths))}")
    unique = np.unique(all_hashes)
    if not_these:
        unique = np.setdiff1d(unique, np.array(sorted(not_these), np.uint64))
    missing = set(unique[: config.max_texts_per_side].tolist())
    hashes, offsets, lengths = [], [], []
    with file.open("wb") as lines:
        for number, text in _texts(paths, config):
            if number in missing:
                missing.remove(number)
                # The model contains frequent words, its report the beginnings of texts.
                clean = excerpt(text, 0, config.max_characters, PiiConfig())
                encoded = as_line(clean, config.max_characters).encode("utf-8", "replace")
                hashes.append(number)
                offsets.append(lines.tell())
                lengths.append(len(encoded))
                lines.write(encoded)
    return _Side(
        file,
        np.array(hashes, np.uint64),
        np.array(offsets, np.int64),
        np.array(lengths, np.int64),
        len(all_hashes),
    )


def _split(
    sides: list[tuple[str, _Side]], config: QualityModelConfig, train: Path, held_out: Path
) -> SplitCounts:
    """Write all lines with their labels, mixed by hash, to the files `train` and `held_out`."""
    rows = [
        # sampling took the smallest hashes, so only their low halves are still random
        ((number & 0xFFFFFFFF, number >> 32), which, offset, length)
        for which, (_, side) in enumerate(sides)
        for number, offset, length in zip(
            side.hashes.tolist(), side.offsets.tolist(), side.lengths.tolist()
        )
    ]
    rows.sort()
    bound = int(config.held_out_fraction * 2**32)
    counts: SplitCounts = {"train": 0, "held_out": 0}
    readers = [side.file.open("rb") for _, side in sides]
    try:
        with train.open("wb") as learn, held_out.open("wb") as judge:
            for (low, _), which, offset, length in rows:
                readers[which].seek(offset)
                line = f"{sides[which][0]} ".encode() + readers[which].read(length) + b"\n"
                (judge if low < bound else learn).write(line)
                counts["held_out" if low < bound else "train"] += 1
    finally:
        for reader in readers:
            reader.close()
    return counts


def _scored(held_out: Path, model: QualityModel) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Score all held-out texts.

    Returns:
        [texts] each: whether it is a good one, its score, its beginning.
    """
    is_good, scores, excerpts = [], [], []
    with held_out.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            label, _, text = line.rstrip("\n").partition(" ")
            is_good.append(label == POSITIVE_LABEL)
            scores.append(model.score(text))
            excerpts.append(text[:_EXCERPT_CHARACTERS])
    return np.array(is_good, np.bool_), np.array(scores, np.float64), excerpts


def _names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


STAGE = Stage("quality_model", 2, QualityModelConfig, build, data=DATA)
