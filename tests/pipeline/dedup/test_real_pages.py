"""Precision and recall of MinHash on real pages, against the Jaccard similarity of all pairs.

`python -m tests.benchmarks.dedup` has the same figures for a whole crawl.
"""

from pathlib import Path

import numpy as np

from pipeline.dedup.minhash import MinhashConfig, bucket_keys, shingles, signature_of
from tests.benchmarks.dedup import similar_pairs, texts_of

CONFIG = MinhashConfig()


def test_pairs_of_real_pages(shared_dir: Path) -> None:
    texts = [text for _, text in texts_of(shared_dir / "crawl", 1, 900)]
    assert len(texts) == 900
    sets = [np.unique(shingles(text, CONFIG)) for text in texts]
    keys = bucket_keys(b"".join(signature_of(text, CONFIG) for text in texts), CONFIG)
    near, matched = [], []
    by_brute_force = 0
    for left, right, similarity in similar_pairs(sets):
        same = (keys[left] == keys[right]).any(axis=1)
        near += same[similarity >= 0.85].tolist()
        matched += similarity[same].tolist()
        by_brute_force += int(same.sum())
    # no pair below the least similarity that was looked at
    equal = sum(int((keys[:row, :] == keys[row]).any(axis=1).sum()) for row in range(1, len(keys)))
    assert by_brute_force == equal
    assert len(near) >= 20
    assert sum(near) / len(near) >= 0.97  # 0.998 and more expected
    assert np.mean(np.array(matched) >= 0.5) >= 0.97
