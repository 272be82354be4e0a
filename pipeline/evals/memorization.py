"""Does the model recite its training pages, and how often must it have seen a passage for that?

In: training and validation pages. Passages of `prefix + continuation` tokens are counted in all
training text; the model gets the prefix and decodes greedily; it must give exactly the continuation
(Carlini et al., arXiv 2202.07646). Passages are sampled by a hash of their tokens, which takes all
copies of a passage or none, so that counts are exact. Bucket 0 is the control: passages of
validation pages that are on no training page; a model can only get them right because they are
predictable. Near-duplicate pages were removed from the corpus before training, so the passages that
repeat here are those that deduplication keeps.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.evals.asking import Scores, Subject, spread
from pipeline.evals.page_bits import CorpusPage
from storage.errors import UserError

DRAWN = 200_000  # about how many training passages are counted
MULTIPLIER = 0x9E3779B97F4A7C15  # odd: powers have inverses modulo 2^64


@dataclasses.dataclass(frozen=True)
class Passage:
    """Where a passage first occurs, and how often it occurs in the training text."""

    page: int  # index
    start: int  # position of its first token
    count: int


def measure(
    subject: Subject, train: Iterable[CorpusPage], validation: Iterable[CorpusPage], scores: Scores
) -> None:
    """Add the share of passages that is recited exactly, by how often they were seen."""
    config, tokenizer = subject.config, subject.tokenizer
    prefix, length = config.prefix_tokens, config.prefix_tokens + config.continuation_tokens
    if length > subject.model.config.max_context:
        raise UserError(
            f"evals.prefix_tokens + evals.continuation_tokens is {length}, more than the model's"
            f" context of {subject.model.config.max_context}"
        )
    most = config.counted_bytes
    seen = [np.array(ids) for ids in tokenizer.encode_batch(_texts(train, most))]
    unseen = [np.array(ids) for ids in tokenizer.encode_batch(_texts(validation, most))]
    drawn = draw(seen, unseen, length, config.seen_counts, config.passages, config.seed)
    chosen = [(name, p) for name, passages in drawn.items() for p in passages]
    if not chosen:
        return
    texts = [(unseen if p.count == 0 else seen)[p.page][p.start :][:length] for _, p in chosen]
    found = subject.engine.generate(
        [ids[:prefix].tolist() for ids in texts],
        max_new_tokens=config.continuation_tokens,
        temperature=0.0,
    )
    said = [completion.tokens for (completion,) in found]
    recited = [tokens == ids[prefix:].tolist() for tokens, ids in zip(said, texts)]
    for name in drawn:
        marks = [ok for ok, (bucket, _) in zip(recited, chosen) if bucket == name]
        scores.share("memorization", name, "recited", marks)
    for i in spread(range(len(chosen)), config.samples_per_suite):
        expected = tokenizer.decode(texts[i][prefix:].tolist())
        prompt = tokenizer.decode(texts[i][:prefix].tolist())
        scores.sample("memorization", prompt, tokenizer.decode(said[i]), expected, recited[i])


def draw(
    seen: Sequence[np.ndarray],
    unseen: Sequence[np.ndarray],
    length: int,
    counts: Sequence[int],
    most: int,
    seed: int,
) -> dict[str, list[Passage]]:
    """Passages by bucket.

    Args:
        seen: token ids of training pages.
        unseen: token ids of validation pages.
        length: tokens of a passage.
        counts: where the buckets by times seen begin.
        most: passages in a bucket.
        seed: of the sample.
    """
    names = np.random.default_rng(seed).integers(0, 1 << 64, 1 + _largest(seen, unseen), np.uint64)
    total = sum(max(0, len(ids) - length + 1) for ids in seen)
    limit = (1 << 64) // max(1, total // DRAWN) - 1
    hashes, pages, starts = _drawn_hashes(seen, length, names, limit)
    values, first, copies = np.unique(hashes, return_index=True, return_counts=True)
    drawn = {"not_seen": _apart(_unseen(unseen, length, names, limit, values), length, most)}
    for low, after in zip(counts, [*counts[1:], None]):
        within = copies >= low if after is None else (copies >= low) & (copies < after)
        passages = [
            Passage(int(pages[first[i]]), int(starts[first[i]]), int(copies[i]))
            for i in np.flatnonzero(within)
        ]
        drawn[bucket_name(low, after)] = _apart(passages, length, most)
    return drawn


def bucket_name(low: int, after: int | None) -> str:
    """A bucket's name: `seen_1`, `seen_2_to_3`, `seen_64_or_more`."""
    if after is None:
        return f"seen_{low}_or_more"
    return f"seen_{low}" if after == low + 1 else f"seen_{low}_to_{after - 1}"


def window_hashes(ids: np.ndarray, length: int, names: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each run of `length` tokens: equal runs have equal hashes.

    A run's hash is a polynomial of its tokens' random numbers, computed from running sums and then
    mixed (SplitMix64's finaliser), so that all of its bits are uniform.

    Args:
        ids: token ids.
        length: tokens of a run.
        names: [vocab] uint64, a random number for each token.

    Returns:
        [len(ids) - length + 1] uint64, empty if there are too few tokens.
    """
    count = len(ids) - length + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    powers = np.full(len(ids), MULTIPLIER, dtype=np.uint64)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)
    inverse = np.full(len(ids), pow(MULTIPLIER, -1, 1 << 64), dtype=np.uint64)
    inverse[0] = 1
    inverse = np.multiply.accumulate(inverse)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(names[ids] * inverse)])
    mixed = (sums[length:] - sums[:count]) * powers[:count]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _drawn_hashes(
    documents: Sequence[np.ndarray], length: int, names: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hashes up to a limit, and of each the page and the start."""
    hashes, pages, starts = [np.empty(0, np.uint64)], [np.empty(0, int)], [np.empty(0, int)]
    for number, ids in enumerate(documents):
        found = window_hashes(ids, length, names)
        at = np.flatnonzero(found <= np.uint64(limit))
        hashes.append(found[at])
        pages.append(np.full(len(at), number))
        starts.append(at)
    return np.concatenate(hashes), np.concatenate(pages), np.concatenate(starts)


def _unseen(
    documents: Sequence[np.ndarray], length: int, names: np.ndarray, limit: int, known: np.ndarray
) -> list[Passage]:
    hashes, pages, starts = _drawn_hashes(documents, length, names, limit)
    values, first = np.unique(hashes, return_index=True)
    new = first[~np.isin(values, known)]
    return [Passage(int(pages[i]), int(starts[i]), 0) for i in new]


def _apart(passages: Sequence[Passage], length: int, most: int) -> list[Passage]:
    """At most `most` passages, the first by hash, of which no two overlap."""
    chosen: list[Passage] = []
    taken: dict[int, list[int]] = {}  # starts by page
    for passage in passages:
        if len(chosen) == most:
            break
        starts = taken.setdefault(passage.page, [])
        if all(abs(passage.start - start) >= length for start in starts):
            starts.append(passage.start)
            chosen.append(passage)
    return chosen


def _texts(pages: Iterable[CorpusPage], max_bytes: int) -> list[str]:
    """Texts in the corpus' order, up to about `max_bytes` of UTF-8."""
    texts: list[str] = []
    for page in pages:
        if max_bytes <= 0:
            break
        texts.append(page.text)
        max_bytes -= len(page.text.encode("utf-8"))
    return texts


def _largest(*groups: Sequence[np.ndarray]) -> int:
    return max((int(ids.max()) for group in groups for ids in group if len(ids)), default=0)
