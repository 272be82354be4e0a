"""Which beginnings a set of token sequences share, as a tree to be read from its roots.

In: sequences. Out: nodes, each some tokens after those of its parent, parents before children, and
for every sequence the leaf it ends with. So a system message, few-shot examples or the context of
several choices is read once, whoever continues it.
"""

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt

SHARED_FROM = 8  # tokens: a shorter common beginning isn't worth a node of its own
DEEPEST = 5  # nodes above a leaf; the kernels follow a chain of at most 8


@dataclasses.dataclass(frozen=True)
class Node:
    parent: int  # -1: none
    start: int  # position of its first token
    tokens: list[int]
    level: int

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)


def tree(sequences: list[list[int]]) -> tuple[list[Node], list[int]]:
    """Nodes, and each sequence's leaf; a leaf holds at least the sequence's last token."""
    order = sorted(range(len(sequences)), key=lambda i: sequences[i])
    nodes: list[Node] = []
    leaves = [0] * len(sequences)
    shared = [
        common(sequences[left], sequences[right]) for left, right in itertools.pairwise(order)
    ]  # between neighbours in the order
    work = [(0, len(order), -1, 0, 0)]  # a run of the order, below a parent, from a position
    while work:
        first, last, parent, start, level = work.pop()
        for low, high in _runs(shared, first, last, start + SHARED_FROM, level):
            if high - low == 1:
                leaves[order[low]] = len(nodes)
                nodes.append(Node(parent, start, sequences[order[low]][start:], level))
                continue
            end = min(shared[low : high - 1])
            work.append((low, high, len(nodes), end, level + 1))
            nodes.append(Node(parent, start, sequences[order[low]][start:end], level))
    return nodes, leaves


def different_tokens(sequences: list[list[int]]) -> int:
    """How many tokens there are to read, what each shares with its neighbour in order read once."""
    ordered = sorted(sequences)
    first = len(ordered[0]) if ordered else 0
    pairs = itertools.pairwise(ordered)
    return first + sum(len(right) - common(left, right) for left, right in pairs)


def foretellers(
    nodes: list[Node], leaves: list[int], sequences: list[list[int]], wanted: list[int]
) -> tuple[list[npt.NDArray[np.int32]], list[list[int]], int]:
    """For each node the number of each token's place, -1 where none is wanted; for each sequence
    the places of its `wanted` last tokens; how many places there are.
    """
    outputs = [np.full(len(node.tokens), -1, np.int32) for node in nodes]
    places, count = [], 0
    for sequence, leaf, last in zip(sequences, leaves, wanted):
        own = []
        for position in range(len(sequence) - 1, len(sequence) - 1 - last, -1):
            while position < nodes[leaf].start:
                leaf = nodes[leaf].parent
            at = position - nodes[leaf].start
            if outputs[leaf][at] < 0:
                outputs[leaf][at] = count
                count += 1
            own.append(int(outputs[leaf][at]))
        places.append(own[::-1])
    return outputs, places, count


def common(a: list[int], b: list[int]) -> int:
    """How many tokens both begin with, less than the shorter one's length."""
    most = min(len(a), len(b)) - 1
    if a[:most] == b[:most]:
        return most
    low, high = 0, most  # a[:low] is common, a[:high] is not
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _runs(
    shared: list[int], first: int, last: int, least: int, level: int
) -> list[tuple[int, int]]:
    """Neighbours that share `least` tokens or more, together; too deep, each on its own."""
    runs = []
    low = first
    for right in range(first + 1, last + 1):
        if right == last or shared[right - 1] < least or level >= DEEPEST:
            runs.append((low, right))
            low = right
    return runs
