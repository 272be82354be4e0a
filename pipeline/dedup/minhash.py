"""Near-duplicates by MinHash: 14 x 8 hashes a page, clusters of pages, one keeper a cluster.

FineWeb's scheme (arXiv 2406.17557; datatrove's `MinhashDedupSignature`): word 5-grams of the
normalised text, 8 hashes in each of 14 buckets, two pages match when all 8 of any bucket agree, and
matches are joined by union-find. The keeper is the smallest id of the cluster, which no order of
pages changes (the original keeps whichever comes first). A signature takes 896 bytes a page, and
`clusters` needs about 1.3 kB a page in all: some 10 million pages in 13 GB.
"""

import dataclasses
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.filters.punctuation import PUNCTUATION
from pipeline.filters.words import split_words
from storage.errors import UserError

Hashes = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class MinhashConfig:
    """Near-duplicates share at least one bucket of hashes.

    Source: FineWeb (arXiv 2406.17557), section 3.4. P(match) = 1 - (1 - s^hashes)^buckets at
    Jaccard similarity s: 0.924 at 0.8, with the steepest rise at (1/14)^(1/8) = 0.72.
    """

    ngram_words: int = 5  # words in a shingle
    buckets: int = 14
    hashes_per_bucket: int = 8
    seed: int = 1  # of the hash functions; signatures of different seeds can't be compared


# a number in any script, with one decimal or thousands sign, as datatrove 0.10.1 has it
_NUMBER = re.compile(r"\d+(?:[.,،٫⎖⎗⎘]\d+)?")
_PUNCTUATION_TO_SPACE = str.maketrans(dict.fromkeys(PUNCTUATION, " "))
# what a page without a single shingle gets: `clusters` matches it with nothing
NO_HASH = np.uint64(2**64 - 1)
_SHINGLES_AT_ONCE = 512  # 512 x 112 hashes of 8 bytes stay in the processor's cache


def normalize(text: str) -> str:
    """Lower case, numbers to 0, punctuation to space, one space between words, no diacritics."""
    text = _NUMBER.sub("0", text.lower()).translate(_PUNCTUATION_TO_SPACE)
    text = " ".join(text.split())
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(sign for sign in decomposed if unicodedata.category(sign) != "Mn").strip()


def normalized_words(text: str) -> list[str]:
    """What `signature` wants: the words of the normalised text."""
    return split_words(normalize(text))


def shingles(words: Sequence[str], config: MinhashConfig) -> Hashes:
    """A 64-bit hash of every run of `ngram_words` words, in order; none for a shorter page."""
    count = len(words) - config.ngram_words + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    hashes = np.fromiter(map(_word_hash, words), dtype=np.uint64, count=len(words))
    combined = np.zeros(count, dtype=np.uint64)
    for position in range(config.ngram_words):
        combined = _mix(combined ^ hashes[position : position + count])
    return combined


def signature(words: Sequence[str], config: MinhashConfig) -> Hashes:
    """What tells near-duplicates: 14 x 8 hashes. `words` are those of `normalized_words(text)`."""
    return least_hashes(shingles(words, config), config)


def least_hashes(page: Hashes, config: MinhashConfig) -> Hashes:
    """The least value of each hash function over all shingles of a page, bucket after bucket."""
    factors, offsets = hash_parameters(config)
    least = np.full(factors.shape, NO_HASH, dtype=np.uint64)
    page = np.unique(page)
    for start in range(0, len(page), _SHINGLES_AT_ONCE):
        some = page[start : start + _SHINGLES_AT_ONCE, None] * factors
        some += offsets
        np.minimum(least, some.min(axis=0), out=least)
    return least


@lru_cache(maxsize=8)
def hash_parameters(config: MinhashConfig) -> tuple[Hashes, Hashes]:
    """Factor (odd, so that the hash is a bijection modulo 2^64) and offset of every hash function.

    They come from BLAKE2b and not from a generator, so no version of numpy changes them.
    """
    total = config.buckets * config.hashes_per_bucket
    drawn = [
        hashlib.blake2b(f"minhash {config.seed} {index}".encode(), digest_size=16).digest()
        for index in range(total)
    ]
    pairs = np.frombuffer(b"".join(drawn), dtype="<u8").astype(np.uint64).reshape(total, 2)
    return pairs[:, 0] | np.uint64(1), pairs[:, 1].copy()


def clusters(
    ids: Sequence[str], signatures: npt.ArrayLike, config: MinhashConfig
) -> dict[str, str]:
    """For each id, the keeper of its cluster: the smallest id (its own, where nothing matches)."""
    if not len(ids):
        return {}
    table = np.ascontiguousarray(signatures, dtype=np.uint64).reshape(len(ids), -1)
    wanted = config.buckets * config.hashes_per_bucket
    if table.shape[1] != wanted:
        raise UserError(
            f"signatures hold {table.shape[1]} hashes a page, the config asks for {wanted}:"
            " sign the pages again with this config"
        )
    parents = list(range(len(ids)))
    for bucket in range(config.buckets):
        low = bucket * config.hashes_per_bucket
        for left, right in matches(table[:, low : low + config.hashes_per_bucket]):
            _join(parents, left, right)
    roots = [_root(parents, index) for index in range(len(ids))]
    keepers: dict[int, str] = {}
    for id_, root in zip(ids, roots):
        keepers[root] = min(id_, keepers.get(root, id_))
    return {id_: keepers[root] for id_, root in zip(ids, roots)}


def matches(bucket: Hashes) -> list[tuple[int, int]]:
    """Pairs of rows that agree in all hashes of one bucket; n equal rows give n - 1 pairs."""
    if len(bucket) < 2:
        return []
    # rows are sorted by one mixed key, then compared in full: keys of different rows do not
    # coincide in practice (2^-64 a pair), and if they did, nothing false would be joined
    keys = np.zeros(len(bucket), dtype=np.uint64)
    for column in bucket.T:
        keys = _mix(keys ^ column)
    order = np.argsort(keys, kind="stable")
    above, below = order[:-1], order[1:]
    same = keys[above] == keys[below]
    above, below = above[same], below[same]
    equal = (bucket[above] == bucket[below]).all(axis=1) & (bucket[above] != NO_HASH).any(axis=1)
    return list(zip(above[equal].tolist(), below[equal].tolist()))


def match_probability(similarity: float, config: MinhashConfig) -> float:
    """How likely two pages of this Jaccard similarity are to share a bucket."""
    return 1 - (1 - similarity**config.hashes_per_bucket) ** config.buckets


def _mix(values: Hashes) -> Hashes:
    """Spreads every bit over all 64 (the finalizer of SplitMix64), after a step off zero."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache(maxsize=1 << 17)
def _word_hash(word: str) -> int:
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _join(parents: list[int], left: int, right: int) -> None:
    left, right = _root(parents, left), _root(parents, right)
    parents[max(left, right)] = min(left, right)
