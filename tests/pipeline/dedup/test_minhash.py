"""MinHash: normalisation, match probability, precision and recall, independence of order."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from pipeline.dedup.minhash import (
    NO_HASH,
    MinhashConfig,
    clusters,
    hash_parameters,
    least_hashes,
    match_probability,
    matches,
    normalize,
    normalized_words,
    shingles,
    signature,
)
from storage.errors import UserError

CONFIG = MinhashConfig()
VOCABULARY = [a + b + c for a in "bcdfgklmn" for b in "aeiou" for c in ("r", "st", "nd", "ly")]


def page(seed: object, words: int = 300) -> list[str]:
    return random.Random(str(seed)).choices(VOCABULARY, k=words)


def edited(words: list[str], seed: object, edits: int) -> list[str]:
    """With some words replaced at places of its own."""
    rng = random.Random(str(seed))
    changed = list(words)
    for place in rng.sample(range(len(words)), edits):
        changed[place] = f"new{rng.randrange(10**6)}"
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


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("It's  THE\n1,234.5 End!", "it s the 0 0 end"),  # one decimal part a number
        ("Café à São-Paulo", "cafe a sao paulo"),
        ("3.14 and 42%", "0 and 0"),
        ("٣٫٥ kg", "0 kg"),
        ("", ""),
        (" … ", ""),
    ],
)
def test_normalize(text: str, normal: str) -> None:
    assert normalize(text) == normal


def test_normalize_as_datatrove() -> None:
    simplify_text = pytest.importorskip("datatrove.utils.text").simplify_text
    rng = random.Random("normalize")
    signs = "aZé1٣ 9.,'\"-()[]:;!?…$%#@/=<>+*_&~°\n\tñИǺ»—"
    for _ in range(500):
        text = "".join(rng.choices(signs, k=rng.randint(0, 40)))
        assert normalize(text) == simplify_text(text)


def test_shingles_depend_on_order_and_window() -> None:
    words = page("shingles", 40)
    hashes = shingles(words, CONFIG)
    assert len(hashes) == 36
    assert len(shingles(words[:4], CONFIG)) == 0
    assert shingles(words[10:15], CONFIG)[0] == hashes[10]
    assert shingles(words[14:9:-1], CONFIG)[0] != hashes[10]
    assert len(np.unique(shingles(list(itertools.chain.from_iterable([words] * 3)), CONFIG))) == 40


def test_signature_is_of_the_set_of_shingles() -> None:
    words = page("set")
    once = signature(words, CONFIG)
    assert once.shape == (112,)
    assert once.dtype == np.uint64
    # saying everything again adds four shingles at the seam: nearly nothing changes
    again = signature(words + words, CONFIG)
    assert (once == again).mean() > 0.9
    assert (signature(words, MinhashConfig(seed=2)) != once).all()


GOLDEN_PARAMETERS = (10141760580650420545, 8943641393709958209)
GOLDEN_HASH = 13611650812186829668


def test_parameters_never_change() -> None:
    """Signatures are kept in the lake: other parameters would silently match nothing."""
    factors, offsets = hash_parameters(CONFIG)
    assert (factors & np.uint64(1)).all()
    assert len(np.unique(factors)) == len(np.unique(offsets)) == 112
    assert (int(factors[0]), int(offsets[111])) == GOLDEN_PARAMETERS
    assert int(signature(list("abcdef"), CONFIG)[0]) == GOLDEN_HASH


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9])
def test_match_probability(similarity: float) -> None:
    """Pairs of random sets with a known Jaccard similarity, and how many share a bucket."""
    trials, union = 1200, 180
    common = round(similarity * union)
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(trials):
        elements = rng.integers(0, 2**64, size=union, dtype=np.uint64)
        half = (union - common) // 2
        left = least_hashes(elements[: common + half], CONFIG)
        right = least_hashes(np.delete(elements, np.s_[common : common + half]), CONFIG)
        found += bool((left == right).reshape(-1, CONFIG.hashes_per_bucket).all(axis=1).any())
    expected = match_probability(common / union, CONFIG)
    spread = (expected * (1 - expected) / trials) ** 0.5
    assert abs(found / trials - expected) < 4 * spread


def test_nominal_probability() -> None:
    assert match_probability(0.8, CONFIG) == pytest.approx(0.924, abs=0.0005)
    assert match_probability(1.0, CONFIG) == 1.0


def near_duplicate_pages() -> list[list[str]]:
    made = []
    for family in range(25):
        original = page(family)
        made.append(original)
        for copy, edits in enumerate((1, 3, 8, 20, 60)):
            made.append(edited(original, (family, copy), edits))
    return made


def test_precision_and_recall_against_brute_force() -> None:
    pages = near_duplicate_pages()
    signatures = np.stack([signature(words, CONFIG) for words in pages])
    found = pairs_found(signatures)
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


def test_clusters_join_what_shares_a_bucket() -> None:
    pages = near_duplicate_pages()
    signatures = np.stack([signature(words, CONFIG) for words in pages])
    ids = [f"{hash_:016x}" for hash_ in np.random.default_rng(1).integers(0, 2**60, len(pages))]
    keeper = clusters(ids, signatures, CONFIG)
    graph: dict[int, set[int]] = {index: {index} for index in range(len(pages))}
    for left, right in pairs_found(signatures):
        joined = graph[left] | graph[right]
        for member in joined:
            graph[member] = joined
    assert keeper == {id_: min(ids[m] for m in graph[i]) for i, id_ in enumerate(ids)}


def test_order_changes_nothing() -> None:
    pages = near_duplicate_pages()[:60]
    ids = [f"page-{index:03d}" for index in range(len(pages))]
    signatures = np.stack([signature(words, CONFIG) for words in pages])
    expected = clusters(ids, signatures, CONFIG)
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(ids))
        assert clusters([ids[i] for i in order], signatures[order], CONFIG) == expected


def test_pages_without_shingles_match_nothing() -> None:
    empty = signature(["too", "short"], CONFIG)
    assert (empty == NO_HASH).all()
    assert clusters(["a", "b"], np.stack([empty, empty]), CONFIG) == {"a": "a", "b": "b"}
    assert clusters([], np.empty((0, 0)), CONFIG) == {}
    assert matches(np.empty((0, 8), dtype=np.uint64)) == []


def test_equal_pages_form_one_cluster() -> None:
    same = signature(page("same"), CONFIG)
    other = signature(page("other"), CONFIG)
    keeper = clusters(["c", "b", "x", "a"], np.stack([same, same, other, same]), CONFIG)
    assert keeper == {"a": "a", "b": "a", "c": "a", "x": "x"}


def test_signatures_of_another_config_are_refused() -> None:
    with pytest.raises(UserError, match="16 hashes"):
        clusters(["a"], np.zeros((1, 16), dtype=np.uint64), CONFIG)


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
        words = normalized_words(text)
        assert len(np.unique(shingles(words, CONFIG))) == len(np.unique(their_shingles))
        ours.append(signature(words, CONFIG))
        their_signatures.append(np.concatenate(theirs.get_signature(their_shingles)))
    expected = {(i, i + 1) for i in range(0, len(texts), 3)}
    assert pairs_found(np.stack(ours)) == expected
    assert pairs_found(np.array(their_signatures, dtype=np.uint64)) == expected
