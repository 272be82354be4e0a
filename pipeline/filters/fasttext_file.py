"""Reads a compressed fastText classifier (`.ftz`) into the tables that `_language.c` computes with.

Format 12 of fastText 0.9 (fasttext.cc, dictionary.cc, quantmatrix.cc, productquantizer.cc), little
endian: quantized input, dense output, hierarchical softmax. `lid.176.ftz` is of this kind; others
raise ValueError.
"""

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.filters._language import Model

_MAGIC, _VERSION = 793712314, 12
_HIERARCHICAL_SOFTMAX = 1
_CENTROIDS = 256
_LABEL = b"__label__"


@dataclasses.dataclass(frozen=True)
class Classifier:
    """The tables in C, and the labels in the order of its scores, without their prefix."""

    model: Model
    labels: tuple[str, ...]

    def scores(self, text: str) -> np.ndarray:
        """[labels] float32 probabilities; empty for a text without any known feature."""
        return np.frombuffer(_asked(self.model.scores, text), np.float32)

    def best(self, text: str) -> tuple[int, float] | None:
        """The index and the score of the best label; None without any known feature."""
        return _asked(self.model.best, text)

    def some(self, text: str, labels: tuple[int, ...]) -> tuple[float, ...] | None:
        """The scores of labels by their indices; None without any known feature."""
        return _asked(self.model.some, text, labels)


def _asked(method: Callable[..., Any], text: str, *more: object) -> Any:
    try:
        return method(text, *more)
    except UnicodeEncodeError:  # lone surrogates
        return method(text.encode("utf-8", "replace").decode(), *more)


class _ByteReader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def numbers(self, form: str) -> tuple:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def text(self) -> bytes:
        end = self.data.index(b"\0", self.at)
        found = self.data[self.at : end]
        self.at = end + 1
        return found


def load(path: Path) -> Classifier:
    """The classifier in a file; ValueError if it is of another kind."""
    reader = _ByteReader(path.read_bytes())
    magic, version = reader.numbers("ii")
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError(f"{path} is no fastText file of format {_VERSION}")
    dim, *_, loss, _model, bucket, minn, maxn, _rate = reader.numbers("12i")
    reader.numbers("d")  # sampling threshold
    words, counts, pruned = _dictionary(reader)
    if loss != _HIERARCHICAL_SOFTMAX or len(pruned) == 0 or not reader.numbers("?")[0]:
        raise ValueError(f"{path} is no compressed classifier with a hierarchical softmax")
    rows = _quantized(reader, dim)
    if reader.numbers("?")[0]:
        raise ValueError(f"{path} has a quantized output layer")
    labels, width = reader.numbers("qq")
    output = reader.array("<f4", labels * width)
    ends = np.cumsum([len(word) for word in words], dtype=np.uint32)
    order = np.argsort(pruned[:, 1])  # n-grams by row
    if not np.array_equal(pruned[order, 1], np.arange(len(pruned))):
        raise ValueError(f"{path}: its n-grams and rows do not agree")
    return Classifier(
        Model(
            rows,
            output,
            _huffman([count for _, count in counts]),
            b"".join(words),
            ends,
            np.ascontiguousarray(pruned[order, 0]),
            dim,
            minn,
            maxn,
            bucket,
        ),
        tuple(label.removeprefix(_LABEL).decode() for label, _ in counts),
    )


def _dictionary(reader: _ByteReader) -> tuple[list[bytes], list[tuple[bytes, int]], np.ndarray]:
    """Words, labels with their counts, and the kept n-grams: rows of (bucket, row)."""
    size, n_words, _, _tokens, n_pruned = reader.numbers("iiiqq")
    entries = []
    for _ in range(size):
        word = reader.text()
        count, _kind = reader.numbers("qb")
        entries.append((word, count))
    pruned = reader.array("<i4", 2 * max(0, n_pruned)).reshape(-1, 2)
    return [word for word, _ in entries[:n_words]], entries[n_words:], pruned


def _quantized(reader: _ByteReader, dim: int) -> np.ndarray:
    """The input matrix, decoded: [rows, dim] float32."""
    (has_norms,) = reader.numbers("?")
    count, _width, size = reader.numbers("qqi")
    codes = reader.array("u1", size).reshape(count, -1)
    rows = _decoded(codes, _centroids(reader))
    if has_norms:
        norms = reader.array("u1", count).reshape(count, 1)
        rows = rows * _decoded(norms, _centroids(reader))
    if rows.shape[1] != dim:
        raise ValueError(f"rows of {rows.shape[1]} numbers where {dim} are due")
    return np.ascontiguousarray(rows, np.float32)


def _centroids(reader: _ByteReader) -> list[np.ndarray]:
    """The centroids of each part of a row: [_CENTROIDS, numbers of the part]."""
    dim, parts, width, last = reader.numbers("iiii")
    values = reader.array("<f4", dim * _CENTROIDS)
    edges = [part * _CENTROIDS * width for part in range(parts)] + [len(values)]
    widths = [width] * (parts - 1) + [last]
    return [
        values[start:stop].reshape(_CENTROIDS, width)
        for start, stop, width in zip(edges, edges[1:], widths)
    ]


def _decoded(codes: np.ndarray, centroids: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([part[codes[:, i]] for i, part in enumerate(centroids)], axis=1)


def _huffman(counts: list[int]) -> np.ndarray:
    """Left and right child of each node, leaves first (loss.cc, buildTree); -1 for leaves."""
    labels = len(counts)
    weights = [*counts, *[10**15] * (labels - 1)]
    children = np.full((2 * labels - 1, 2), -1, np.int32)
    leaf, node = labels - 1, labels
    for parent in range(labels, 2 * labels - 1):
        weights[parent] = 0
        for side in range(2):
            if leaf >= 0 and weights[leaf] < (weights[node] if node < parent else 10**15):
                child, leaf = leaf, leaf - 1
            else:
                child, node = node, node + 1
            children[parent, side] = child
            weights[parent] += weights[child]
    return children
