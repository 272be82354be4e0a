"""Bits per byte of unseen pages: how well the model predicts text, whatever its vocabulary.

In: measured validation pages, the training pages. Out: rows of the evals table.

- Passages that no training page holds come first. A validation page, even one of another host, can
  be made of sentences that training pages have too; the model recites those rather than predicts
  them. The share of the text that is new is a row of its own.
- All validation pages together.
- By domain: by language, and by host for the hosts with the most text. A language or host with
  fewer than `MIN_PAGES` pages counts among the others, because its interval would say nothing.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.memorization import window_hashes
from pipeline.evals.page_bits import CorpusPage, PageBits, byte_lengths
from pipeline.intervals import bootstrap_ratio

MIN_PAGES = 5
TEXTS_AT_ONCE = 512


def measure(measured: PageBits, training: Iterable[str], subject: Subject, scores: Scores) -> None:
    """Add the rows for new passages and for all validation pages; `training` are page texts."""
    config = subject.config
    if not measured.pages:
        return
    seen = seen_tokens(measured.tokens, training, subject)
    sizes = byte_lengths(subject)
    samples, seed = config.bootstrap_samples, config.seed
    new = [~held for held in seen]
    all_bytes = np.array([float(sizes[ids].sum()) for ids in measured.tokens])
    new_bytes = np.array([float(sizes[ids][n].sum()) for ids, n in zip(measured.tokens, new)])
    new_bits = np.array([float(bits[n].sum()) for bits, n in zip(measured.token_bits, new)])
    if new_bytes.sum():
        suite, task, n = "bits_per_byte", "new_passages", len(measured.pages)
        low, high = bootstrap_ratio(new_bits, new_bytes, samples, seed)
        value = float(new_bits.sum() / new_bytes.sum())
        scores.add(suite, task, "bits_per_byte", value, low, high, n)
        low, high = bootstrap_ratio(new_bytes, all_bytes, samples, seed)
        value = float(new_bytes.sum() / all_bytes.sum())
        scores.add(suite, task, "share_of_text", value, low, high, n)
    scores.rows.append(measured.row("bits_per_byte", "validation", samples, seed))


def seen_tokens(
    pages: Sequence[np.ndarray], training: Iterable[str], subject: Subject
) -> list[np.ndarray]:
    """Which tokens are in a run of `overlap_tokens` that the training text has as well.

    Args:
        pages: token ids of each page.
        training: texts that the model was trained on.
        subject: the model, its tokenizer and the run's length.

    Returns:
        For each page an array of bool, one a token.
    """
    length = subject.config.overlap_tokens
    names = np.random.default_rng(subject.config.seed).integers(
        0, 1 << 64, subject.model.config.vocab_size, np.uint64
    )
    hashes = [window_hashes(ids, length, names) for ids in pages]
    wanted = np.unique(np.concatenate(hashes))
    if not len(wanted):
        return [np.zeros(len(ids), dtype=bool) for ids in pages]
    found = np.zeros(len(wanted), dtype=bool)
    texts = iter(training)
    while batch := list(itertools.islice(texts, TEXTS_AT_ONCE)):
        for encoded in subject.tokenizer.encode_batch(batch):
            trained = window_hashes(np.array(encoded, dtype=np.int64), length, names)
            at = np.minimum(np.searchsorted(wanted, trained), len(wanted) - 1)
            found[at[wanted[at] == trained]] = True
    seen = []
    for ids, own in zip(pages, hashes):
        marks = np.zeros(len(ids), dtype=bool)
        for start in np.flatnonzero(found[np.searchsorted(wanted, own)]):
            marks[start : start + length] = True
        seen.append(marks)
    return seen


def by_domain(measured: PageBits, config: EvalsConfig, scores: Scores) -> None:
    """Add rows of the same pages by language and by host, the largest groups first."""
    kinds: list[tuple[str, Callable[[CorpusPage], str]]] = [
        ("language", lambda page: page.language),
        ("host", lambda page: page.host),
    ]
    for kind, key in kinds:
        for name, chosen in groups(measured, key, config.domains).items():
            scores.rows.append(
                measured.of(chosen).row(
                    "domains", f"{kind}/{name}", config.bootstrap_samples, config.seed
                )
            )


def groups(measured: PageBits, key: Callable[[CorpusPage], str], most: int) -> dict[str, list[int]]:
    """Indices of pages by the value of a property; small and unnamed groups are "others".

    Args:
        measured: the pages.
        key: the property.
        most: keep so many of the groups, the largest by bytes.
    """
    found: dict[str, list[int]] = {}
    for number, page in enumerate(measured.pages):
        found.setdefault(key(page), []).append(number)
    sizes = {name: int(measured.bytes[chosen].sum()) for name, chosen in found.items()}
    large = [name for name in found if name and len(found[name]) >= MIN_PAGES]
    large = sorted(large, key=lambda name: (-sizes[name], name))[:most]
    kept = {name: found[name] for name in large}
    others = sorted(number for name in found if name not in kept for number in found[name])
    return {**kept, "others": others} if others and kept else kept
