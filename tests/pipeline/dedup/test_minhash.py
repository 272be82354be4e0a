"""MinHash: the C code against plain Python, match probability, unbiased estimates of similarity."""

import hashlib
import itertools
import random
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.dedup import _minhash
from pipeline.dedup.minhash import (
    NO_HASH,
    MinhashConfig,
    bucket_keys,
    hash_parameters,
    least_hashes,
    match_probability,
    normalize,
    shingles,
    signature,
    signature_bytes,
    signature_of,
    without_shingles,
)

CONFIG = MinhashConfig()
VOCABULARY = [a + b + c for a in "bcdfgklmn" for b in "aeiou" for c in ("r", "st", "nd", "ly")]
ALL = 2**64 - 1


def page(seed: object, words: int = 300) -> list[str]:
    return random.Random(str(seed)).choices(VOCABULARY, k=words)


def edited(words: list[str], seed: object, edits: int) -> list[str]:
    """With some words replaced at places of its own."""
    rng = random.Random(str(seed))
    changed = list(words)
    for place in rng.sample(range(len(words)), edits):
        changed[place] = f"new{rng.choice(VOCABULARY)}{rng.choice(VOCABULARY)}"
    return changed


def jaccard(left: list[str], right: list[str]) -> float:
    n = CONFIG.ngram_words
    sets = [{tuple(words[i : i + n]) for i in range(len(words) - n + 1)} for words in (left, right)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def pairs_found(signatures: np.ndarray) -> set[tuple[int, int]]:
    """All pairs that share a bucket, by brute force over the columns."""
    width = CONFIG.hashes_per_bucket
    buckets = signatures.reshape(len(signatures), -1, width)
    return {
        (i, j)
        for i, j in itertools.combinations(range(len(signatures)), 2)
        if (buckets[i] == buckets[j]).all(axis=1).any()
    }


def plain_mix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & ALL
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & ALL
    x = (x ^ x >> 27) * 0x94D049BB133111EB & ALL
    return x ^ x >> 31


def plain_signature(words: list[str], config: MinhashConfig) -> list[int]:
    """What the C code computes, in Python's own integers."""
    hashes = []
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        value = len(data) * 0x9E3779B97F4A7C15 & ALL
        for start in range(0, len(data), 8):
            value = plain_mix(value ^ int.from_bytes(data[start : start + 8], "little"))
        hashes.append(value)
    sums = []
    for start in range(len(hashes) - config.ngram_words + 1):
        value = 0
        for word_hash in hashes[start : start + config.ngram_words]:
            value = (value * 0xD1342543DE82EF95 + word_hash) & ALL
        sums.append(plain_mix(value))
    factors, offsets = (values.tolist() for values in hash_parameters(config))
    return [min(((s * f + o) & ALL for s in sums), default=ALL) for f, o in zip(factors, offsets)]


TEXTS = [
    "",
    "One two three four",
    "One two three four five",
    "The café’s 1,234.5 boats (and 3) lay — 漢字かな交じり文 — in the harbour, they said. " * 3,
    "Donaudampfschifffahrtsgesellschaftskapitän trank Kaffee aus Überseehäfen am Elbufer " * 2,
    "a\ud800b one two 😀 three four five six seven",
    " ".join(page("text", 700)),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "config", [CONFIG, MinhashConfig(ngram_words=1, buckets=3, hashes_per_bucket=7, seed=5)]
)
def test_signature_is_what_plain_python_computes(text: str, config: MinhashConfig) -> None:
    words = normalize(text).split(" ") if normalize(text) else []
    expected = plain_signature(words, config)
    stored = signature_of(text, config)
    assert len(stored) == signature_bytes(config)
    assert np.frombuffer(stored, "<u8").tolist() == expected
    assert signature(words, config).tolist() == expected
    assert least_hashes(shingles(text, config), config).tolist() == expected
    keys = bucket_keys(stored, config)[0].tolist()
    width = config.hashes_per_bucket
    for bucket, key in enumerate(keys):
        value = 0
        for least in expected[bucket * width : (bucket + 1) * width]:
            value = plain_mix(value ^ least)
        assert key == value


GOLDEN = "00a61c69c89279a6"


def test_signatures_never_change() -> None:
    """They are kept in the lake: others would silently match nothing."""
    factors, _ = hash_parameters(CONFIG)
    assert (factors & np.uint64(1)).all()
    assert len(np.unique(factors)) == 112
    joined = b"".join(signature_of(text, CONFIG) for text in TEXTS)
    assert hashlib.sha256(joined).hexdigest()[:16] == GOLDEN


def test_every_width_of_registers_gives_the_same() -> None:
    made = {}
    try:
        for bits in (64, 256, 512):
            if _minhash.set_width(bits):
                made[bits] = [signature_of(text, CONFIG) for text in TEXTS]
    finally:
        assert _minhash.set_width(0)
    assert 64 in made
    assert all(found == made[64] for found in made.values())
    assert not _minhash.set_width(128)


def test_shingles_depend_on_order_and_window() -> None:
    words = page("shingles", 40)
    hashes = shingles(words, CONFIG)
    assert len(hashes) == 36
    assert len(shingles(words[:4], CONFIG)) == 0
    assert shingles(words[10:15], CONFIG)[0] == hashes[10]
    assert shingles(words[14:9:-1], CONFIG)[0] != hashes[10]
    assert len(np.unique(shingles(words * 3, CONFIG))) == 40
    assert (shingles(" ".join(words), CONFIG) == hashes).all()


def test_signature_is_of_the_set_of_shingles() -> None:
    words = page("set")
    once = signature(words, CONFIG)
    assert once.shape == (112,)
    # saying everything again adds four shingles at the seam: nearly nothing changes
    again = signature(words + words, CONFIG)
    assert (once == again).mean() > 0.9
    assert (signature(words, MinhashConfig(seed=2)) != once).all()


def test_a_page_without_shingles() -> None:
    assert (signature(["too", "short"], CONFIG) == NO_HASH).all()
    none = without_shingles(CONFIG)
    assert len(set(none.tolist())) == 1
    assert (bucket_keys(signature_of("too short", CONFIG), CONFIG) == none).all()
    assert bucket_keys(b"", CONFIG).shape == (0, 14)


def families(similarity: float, trials: int, union: int, seed: int) -> np.ndarray:
    """Which hashes agree, for pairs of random sets with that Jaccard similarity."""
    common = round(similarity * union)
    half = (union - common) // 2
    rng = np.random.default_rng(seed)
    agree = np.empty((trials, 112), dtype=bool)
    for trial in range(trials):
        elements = rng.integers(0, 2**64, size=union, dtype=np.uint64)
        left = least_hashes(elements[: common + half], CONFIG)
        right = least_hashes(np.delete(elements, np.s_[common : common + half]), CONFIG)
        agree[trial] = left == right
    return agree


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9])
def test_estimates_are_unbiased_and_buckets_match_as_computed(similarity: float) -> None:
    trials, union = 3000, 180
    agree = families(similarity, trials, union, 7)
    true = round(similarity * union) / union
    # each trial's share of equal hashes estimates the similarity; trials are independent
    shares = agree.mean(axis=1)
    assert abs(shares.mean() - true) < 4 * shares.std() / trials**0.5
    # 112 independent functions would spread like this
    assert shares.std() == pytest.approx((true * (1 - true) / 112) ** 0.5, rel=0.1)
    # no single function is off
    by_function = (agree.mean(axis=0) - true) / (true * (1 - true) / trials) ** 0.5
    assert np.abs(by_function).max() < 4.5
    buckets = np.all(agree.reshape(trials, 14, 8), axis=2)
    found = np.any(buckets, axis=1).mean()
    expected = match_probability(true, CONFIG)
    assert abs(found - expected) < 4 * (expected * (1 - expected) / trials) ** 0.5


def test_estimates_from_texts_are_unbiased() -> None:
    """The whole way, from words: the mean error over many pairs is nothing but noise."""
    errors = []
    for trial in range(400):
        words = page(("unbiased", trial), 200)
        other = edited(words, trial, 4 + trial % 30)
        same = (signature(words, CONFIG) == signature(other, CONFIG)).mean()
        errors.append(same - jaccard(words, other))
    assert abs(np.mean(errors)) < 4 * np.std(errors) / len(errors) ** 0.5


def test_nominal_probability() -> None:
    assert match_probability(0.8, CONFIG) == pytest.approx(0.924, abs=0.0005)
    assert match_probability(1.0, CONFIG) == 1.0


def test_precision_and_recall_against_brute_force() -> None:
    pages: list[list[str]] = []
    for family in range(25):
        original = page(family)
        pages.append(original)
        pages += [edited(original, (family, copy), n) for copy, n in enumerate((1, 3, 8, 20, 60))]
    found = pairs_found(np.stack([signature(words, CONFIG) for words in pages]))
    similarity = {
        pair: jaccard(pages[pair[0]], pages[pair[1]])
        for pair in itertools.combinations(range(len(pages)), 2)
        if pair[0] // 6 == pair[1] // 6 or pair in found
    }
    near = {pair for pair, value in similarity.items() if value >= 0.85}
    assert len(near) >= 50
    assert len(near & found) / len(near) >= 0.95
    far = {pair for pair, value in similarity.items() if value < 0.4}
    assert len(far) >= 25
    assert len(found & far) <= 2
    assert all(similarity[pair] > 0.2 for pair in found)


def test_same_pairs_as_datatrove(tmp_path: Path) -> None:
    """On pages plainly near or plainly not, both find the same pairs, from the same shingles."""
    pytest.importorskip("spacy")
    from datatrove.pipeline.dedup.minhash import MinhashConfig as TheirConfig
    from datatrove.pipeline.dedup.minhash import MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig

    config = TheirConfig(hash_config=HashConfig(precision=64, hash_fc="sha1"))
    theirs = MinhashDedupSignature(str(tmp_path), config=config)
    texts = []
    for family in range(8):
        original = page(("text", family), 250)
        for edits in (0, 2, 120):
            words = edited(original, (family, edits), edits) if edits else original
            sentences = [" ".join(words[i : i + 9]) for i in range(0, len(words), 9)]
            texts.append("It's Café no. 1,200.5: don't. " + ". ".join(sentences).capitalize() + "!")
    ours, their_signatures = [], []
    for text in texts:
        their_shingles = theirs.get_shingles(text)
        assert len(np.unique(shingles(text, CONFIG))) == len(np.unique(their_shingles))
        ours.append(np.frombuffer(signature_of(text, CONFIG), "<u8"))
        their_signatures.append(np.concatenate(theirs.get_signature(their_shingles)))
    expected = {(i, i + 1) for i in range(0, len(texts), 3)}
    assert pairs_found(np.stack(ours)) == expected
    assert pairs_found(np.array(their_signatures, dtype=np.uint64)) == expected


def test_random_texts_are_read_alike_as_text_and_as_words() -> None:
    rng = random.Random("fuzz")
    signs = "abc xyz  ,.!0 12 \n'é漢ß😀\ud9ff١"
    for _ in range(500):
        text = "".join(rng.choices(signs, k=rng.randint(0, 120)))
        words = re.findall(r"\S+", normalize(text).replace("\x1c", " "))
        assert (
            np.frombuffer(signature_of(text, CONFIG), "<u8").tolist()
            == signature(words, CONFIG).tolist()
        )
