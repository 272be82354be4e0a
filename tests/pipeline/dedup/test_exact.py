"""Hashes of texts and their keepers."""

import random

from pipeline.dedup.exact import keepers, text_sha256


def test_hash_puts_case_spacing_and_unicode_form_aside() -> None:
    same = {
        text_sha256(text)
        for text in ("Café  au lait\n\nnow", "café au lait now", "CAFE\u0301 AU LAIT NOW ")
    }
    assert len(same) == 1
    assert text_sha256("cafe au lait now") not in same
    assert text_sha256("café au lait now.") not in same
    # sha256 of "abc", so that other programs can be compared with
    assert text_sha256("ABC").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_keeper_is_the_smallest_id_in_any_order() -> None:
    pairs = [("d", "1"), ("b", "1"), ("c", "2"), ("a", "3"), ("e", "3")]
    expected = {"a": "a", "b": "b", "c": "c", "d": "b", "e": "a"}
    for seed in range(5):
        shuffled = random.Random(seed).sample(pairs, len(pairs))
        ids, hashes = zip(*shuffled)
        assert keepers(ids, hashes) == expected
    assert keepers([], []) == {}
