"""Gradient-boosted trees at run time: a model file of flat arrays, evaluated in C (_forest.c).

A file has forests, by name, and the columns they use; training writes it from LightGBM's models
(learn/), and LightGBM is not needed to read it. Thresholds are rounded down to float32: for float32
values the comparison is exactly the same. Leaf values are stored as float32.
"""

import dataclasses
import json
import struct
from pathlib import Path

import numpy as np

from pipeline.extract import _forest

MAGIC = b"crawl2chat forest 1\n"
NODE = np.dtype([("threshold", "<f4"), ("feature", "<u2"), ("left", "<u2")])


@dataclasses.dataclass(frozen=True)
class Trees:
    """A forest as arrays: all nodes, the leaves' values, and the first node of each tree."""

    nodes: np.ndarray  # [nodes] of NODE; left = 0 marks a leaf, the right child follows the left
    values: np.ndarray  # [nodes] float32
    starts: np.ndarray  # [trees + 1] uint32
    columns: tuple[str, ...]  # names of the features, by index

    def compiled(self, names: tuple[str, ...]) -> _forest.Forest:
        """The forest in C, checked, for a matrix with columns of these names."""
        place = {name: column for column, name in enumerate(names)}
        missing = [name for name in self.columns if name not in place]
        if missing:
            raise ValueError(f"the forest wants columns that are not there: {missing[:5]}")
        nodes = self.nodes.copy()
        places = np.array([place[name] for name in self.columns] or [0], "<u2")
        nodes["feature"] = places[nodes["feature"]]
        return _forest.Forest(nodes.tobytes(), self.values.tobytes(), self.starts.tobytes())


def predict(forest: _forest.Forest, matrix: np.ndarray) -> np.ndarray:
    """[rows]: the trees' sum for each row of a C-ordered float32 matrix."""
    if matrix.dtype != np.float32 or matrix.ndim != 2 or not matrix.flags.c_contiguous:
        raise ValueError("a forest wants a C-ordered float32 matrix")
    return np.frombuffer(forest.predict(matrix, *matrix.shape), np.float64)


def save(
    path: Path, forests: dict[str, Trees], facts: dict[str, object], lexicon: bytes = b""
) -> None:
    """Write forests, facts (thresholds, where the model comes from) and word weights to a file."""
    header = {
        "facts": facts,
        "lexicon": len(lexicon),
        "forests": {
            name: {
                "columns": trees.columns,
                "nodes": len(trees.nodes),
                "trees": len(trees.starts) - 1,
            }
            for name, trees in forests.items()
        },
    }
    text = json.dumps(header, sort_keys=True).encode()
    with path.open("wb") as file:
        file.write(MAGIC + struct.pack("<I", len(text)) + text)
        for name in sorted(forests):
            trees = forests[name]
            for part, kind in ((trees.nodes, NODE), (trees.values, "<f4"), (trees.starts, "<u4")):
                file.write(np.ascontiguousarray(part, kind).tobytes())
        file.write(lexicon)


def load(path: Path) -> tuple[dict[str, Trees], dict[str, object], bytes]:
    """The forests, facts and word weights that `save` wrote; ValueError for another file."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise ValueError(f"{path.name} is no forest file")
    at = len(MAGIC) + 4
    size = struct.unpack("<I", data[at - 4 : at])[0]
    header = json.loads(data[at : at + size])
    at += size
    forests = {}
    for name in sorted(header["forests"]):
        entry = header["forests"][name]
        parts = []
        for kind, count in (
            (NODE, entry["nodes"]),
            (np.dtype("<f4"), entry["nodes"]),
            (np.dtype("<u4"), entry["trees"] + 1),
        ):
            parts.append(np.frombuffer(data, kind, count, at))
            at += kind.itemsize * count
        forests[name] = Trees(parts[0], parts[1], parts[2], tuple(entry["columns"]))
    if at + header["lexicon"] != len(data):
        raise ValueError(f"{path.name} does not have the length that its header says")
    return forests, header["facts"], data[at:]
