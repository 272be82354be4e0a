"""The C side of the language scores against fastText's arithmetic, written out in Python.

dictionary.cc and loss.cc of fastText 0.9.3: FNV-1a with sign extension, n-grams of "<word>", the
mean of all rows, a probability as the product of its turns in the tree.
"""

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filters import fasttext_file
from pipeline.filters._language import Model
from pipeline.filters.language import model_path

WORDS = ["the", "harbour", "port", "é", "漢字", "</s>", "w" * 30]
LABELS = 5
# of a Huffman tree over five labels: leaves first, the root last
TREE = [(-1, -1)] * LABELS + [(4, 3), (2, 1), (5, 6), (0, 7)]


def hash_of(text: bytes) -> int:
    found = 2166136261
    for byte in text:
        extended = byte if byte < 128 else byte | 0xFFFFFF00
        found = ((found ^ extended) * 16777619) & 0xFFFFFFFF
    return found


def ngrams(word: str, least: int, most: int) -> list[bytes]:
    marked = f"<{word}>"
    return [
        marked[start : start + size].encode()
        for start in range(len(marked))
        for size in range(least, most + 1)
        if start + size <= len(marked)
    ]


class Reference:
    """A made model of any size, and what fastText would say with it."""

    def __init__(self, dim: int, least: int, most: int, buckets: int) -> None:
        rng = np.random.default_rng(dim)
        self.least, self.most, self.buckets = least, most, buckets
        known = random.Random(dim).sample(range(buckets), min(buckets, 700))
        self.rows = rng.normal(0, 1, (len(WORDS) + len(known), dim)).astype(np.float32)
        self.output = rng.normal(0, 1, (LABELS, dim)).astype(np.float32)
        self.place = {bucket: len(WORDS) + row for row, bucket in enumerate(known)}
        self.parts = (
            self.rows,
            self.output,
            np.array(TREE, np.int32),
            "".join(WORDS).encode(),
            np.cumsum([len(word.encode()) for word in WORDS], dtype=np.uint32),
            np.array(known, np.int32),
        )
        self.model = Model(*self.parts, dim, least, most, buckets)

    def scores(self, text: str) -> list[float] | None:
        cut = "".join(" " if sign in "\t\n\v\f\r\0" else sign for sign in text).split(" ")
        words = [word for word in cut if word]
        if "</s>" in words:  # the end of a line is the end of the text
            words = words[: words.index("</s>")]
        rows = [row for word in [*words, "</s>"] for row in self.rows_of(word)]
        if not rows:
            return None
        mean = self.rows[rows].astype(np.float64).mean(axis=0)
        found = [0.0] * LABELS

        def below(node: int, score: float) -> None:
            if node < LABELS:
                found[node] = math.exp(score)
                return
            right = 1 / (1 + math.exp(-float(self.output[node - LABELS] @ mean)))
            below(TREE[node][0], score + math.log(1 - right + 1e-5))
            below(TREE[node][1], score + math.log(right + 1e-5))

        below(len(TREE) - 1, 0.0)
        return found

    def rows_of(self, word: str) -> list[int]:
        rows = [WORDS.index(word)] if word in WORDS else []
        if word != "</s>":
            hashes = map(hash_of, ngrams(word, self.least, self.most))
            rows += [self.place[h % self.buckets] for h in hashes if h % self.buckets in self.place]
        return rows


SIZES = [(16, 2, 4, 2_000_000), (16, 2, 4, 900), (5, 3, 6, 1000), (64, 2, 2, 64), (16, 2, 9, 700)]
REFERENCES = {size: Reference(*size) for size in SIZES}
LETTERS = st.sampled_from("abhorutpé漢字😀<> \n\t\0\u2028")
WORD = st.sampled_from([*WORDS, "harbou", "x" * 24, "y" * 25, "portportportportportport"])
TEXT = st.lists(st.one_of(WORD, st.text(LETTERS, max_size=90)), max_size=90).map(" ".join)


@pytest.mark.parametrize("size", SIZES)
@given(text=TEXT)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_scores_are_fasttexts(size, text):
    reference = REFERENCES[size]
    wanted, found = reference.scores(text), reference.model.scores(text)
    if wanted is None:
        assert (found, reference.model.best(text)) == (b"", None)
        assert reference.model.some(text, (0,)) is None
        return
    scores = np.frombuffer(found, np.float32)
    assert scores == pytest.approx(wanted, abs=1e-4)
    assert reference.model.scores(text) == found  # kept words count as they did the first time
    best = int(scores.argmax())
    assert reference.model.best(text) == (best, float(scores[best]))
    assert reference.model.some(text, (4, 0, 1)) == tuple(map(float, scores[[4, 0, 1]]))


def test_the_best_label_of_the_true_model():
    classifier = fasttext_file.load(model_path())
    rng = random.Random("texts")
    syllables = ["ha", "fen", "the ", "port ", "é", "漢", "ов", " la", "x", "ن", "ing ", "7"]
    for _ in range(500):
        text = "".join(rng.choices(syllables, k=rng.randrange(1, 40)))
        scores = classifier.scores(text)
        assert classifier.best(text) == (int(scores.argmax()), float(scores.max()))
        assert classifier.some(text, (0, 17, 175)) == tuple(map(float, scores[[0, 17, 175]]))


def test_of_labels_as_likely_as_one_another_the_first_is_best():
    parts = REFERENCES[SIZES[0]].parts
    level = Model(parts[0], np.zeros_like(parts[1]), *parts[2:], 16, 2, 4, 2_000_000)
    scores = np.frombuffer(level.scores("harbour"), np.float32)
    assert level.best("harbour") == (int(scores.argmax()), float(scores.max()))
    flat = [(-1, -1)] * 4 + [(3, 1), (2, 0), (4, 5)]
    flat_tree = np.array(flat, np.int32)
    even = Model(
        parts[0], np.zeros((4, 16), np.float32), flat_tree, *parts[3:], 16, 2, 4, 2_000_000
    )
    assert len(set(np.frombuffer(even.scores("harbour"), np.float32).tolist())) == 1
    best = even.best("harbour")
    assert best is not None
    assert best[0] == 0


def test_labels_that_are_not_there():
    model = REFERENCES[SIZES[0]].model
    for bad in (-1, LABELS, 2**70):
        with pytest.raises(IndexError):
            model.some("harbour", (bad,))
    with pytest.raises(TypeError):
        model.some(b"harbour", (0,))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        model.best(None)  # type: ignore[arg-type]


def test_parts_that_do_not_agree_are_refused():
    parts = REFERENCES[SIZES[0]].parts
    twice = parts[5].copy()
    twice[3] = twice[4]
    outside = parts[5].copy()
    outside[3] = 2_000_000
    two_parents = parts[2].copy()
    two_parents[7] = (5, 5)
    upwards = parts[2].copy()
    upwards[6] = (7, 1)
    a_leaf = parts[2].copy()
    a_leaf[0] = (1, 2)
    for number, bad in ((5, twice), (5, outside), (2, two_parents), (2, upwards), (2, a_leaf)):
        changed: list[Any] = [*parts[:number], bad, *parts[number + 1 :], 16, 2, 4, 2_000_000]
        with pytest.raises(ValueError, match="do not agree"):
            Model(*changed)
