"""Near-duplicates by MinHash: 14 x 8 hashes a page, from word 5-grams of the normalised text.

FineWeb's scheme (arXiv 2406.17557; datatrove's `MinhashDedupSignature`): two pages match when all 8
hashes of any of the 14 buckets agree. The work is done in C (_words.c, _minhash.c), text by text.
Words are separated by spaces; datatrove takes spaCy's words, which, once punctuation is removed,
differ only in contractions ("cannot") and take forty times as long.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.dedup import _minhash, _words
from pipeline.dedup.config import MinhashConfig
from pipeline.dedup.fold import block

__all__ = [
    "NO_HASH",
    "MinhashConfig",
    "bucket_keys",
    "hash_parameters",
    "least_hashes",
    "match_probability",
    "normalize",
    "shingles",
    "signature",
    "signature_bytes",
    "signature_of",
]

Hashes = npt.NDArray[np.uint64]

# all hashes of a page without a single shingle: such a page matches nothing
NO_HASH = np.uint64(2**64 - 1)
_LITTLE = np.dtype("<u8")

_words.set_folding(block)


def normalize(text: str) -> str:
    """Lower case, numbers to 0, punctuation to space, one space between words, no diacritics."""
    return _words.fold(text).decode("utf-8", "surrogatepass")


def signature_of(text: str, config: MinhashConfig) -> bytes:
    """The signature of a text as stored: 64-bit little-endian hashes, bucket after bucket."""
    return _minhash.signature(_words.hashes(text), config.ngram_words, _parameter_bytes(config))


def signature(words: Sequence[str], config: MinhashConfig) -> Hashes:
    """The same as numbers, of words that are already normalised (`normalize(text).split()`)."""
    hashes = _words.hashes(words)
    stored = _minhash.signature(hashes, config.ngram_words, _parameter_bytes(config))
    return np.frombuffer(stored, _LITTLE).astype(np.uint64)


def signature_bytes(config: MinhashConfig) -> int:
    """Bytes of a stored signature."""
    return 8 * config.buckets * config.hashes_per_bucket


def shingles(source: str | Sequence[str], config: MinhashConfig) -> Hashes:
    """A 64-bit hash of every run of `ngram_words` words, in order; none for a shorter page."""
    stored = _minhash.shingles(_words.hashes(source), config.ngram_words)
    return np.frombuffer(stored, _LITTLE).astype(np.uint64)


def least_hashes(page: Hashes, config: MinhashConfig) -> Hashes:
    """The least value of each hash function over all shingles of a page."""
    stored = _minhash.signature(page.astype(_LITTLE).tobytes(), 0, _parameter_bytes(config))
    return np.frombuffer(stored, _LITTLE).astype(np.uint64)


def bucket_keys(signatures: bytes | npt.NDArray[np.uint8], config: MinhashConfig) -> Hashes:
    """One 64-bit key for each bucket of stored signatures: [pages, buckets].

    Pages match when a key is the same. Eight hashes that differ have the same key in one of 2^64
    cases: among a billion pages that gives about one false pair in all.
    """
    keys = _minhash.bucket_keys(signatures, config.buckets, config.hashes_per_bucket)
    return np.frombuffer(keys, _LITTLE).reshape(-1, config.buckets)


def without_shingles(config: MinhashConfig) -> Hashes:
    """The keys of a page too short for a single shingle, which must match nothing."""
    return bucket_keys(b"\xff" * signature_bytes(config), config)[0]


def match_probability(similarity: float, config: MinhashConfig) -> float:
    """The probability that two pages of this Jaccard similarity share a bucket."""
    return 1 - (1 - similarity**config.hashes_per_bucket) ** config.buckets


def hash_parameters(config: MinhashConfig) -> tuple[Hashes, Hashes]:
    """Factor (odd, so that the hash is a bijection modulo 2^64) and offset of every hash function.

    They come from BLAKE2b and not from a random generator, so that no version of numpy changes
    them.
    """
    pairs = np.frombuffer(_parameter_bytes(config), _LITTLE).astype(np.uint64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


@lru_cache(maxsize=8)
def _parameter_bytes(config: MinhashConfig) -> bytes:
    drawn = bytearray()
    for index in range(config.buckets * config.hashes_per_bucket):
        name = f"minhash {config.seed} {index}".encode()
        drawn += hashlib.blake2b(name, digest_size=16).digest()
    pairs = np.frombuffer(drawn, _LITTLE).reshape(-1, 2).copy()
    pairs[:, 0] |= np.uint64(1)
    return pairs.tobytes()
