"""Which beginnings a set of token sequences share, as a tree that is read from its roots.

In: sequences. Out: nodes, parents before children, each with the tokens that follow those of its
parent; and for every sequence the leaf that it ends in. So a system message, few-shot examples or
the context of several choices is read once, whatever continues it.
"""

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt

MIN_SHARED_TOKENS = 8  # a shorter common beginning isn't worth a node of its own
MAX_DEPTH = 5  # nodes above a leaf: each depth is read by itself


@dataclasses.dataclass(frozen=True)
class Node:
    """A run of tokens that one or more sequences have at the same positions."""

    parent: int  # its index; -1: none
    start: int  # position of its first token
    tokens: list[int]
    level: int  # nodes above it

    @property
    def end(self) -> int:
        """The position after its last token."""
        return self.start + len(self.tokens)


def tree(sequences: list[list[int]]) -> tuple[list[Node], list[int]]:
    """The nodes, and the index of each sequence's leaf.

    Every sequence has a leaf of its own, which holds at least its last token.
    """
    order = sorted(range(len(sequences)), key=lambda i: sequences[i])
    nodes: list[Node] = []
    leaves = [0] * len(sequences)
    shared = [
        common(sequences[left], sequences[right]) for left, right in itertools.pairwise(order)
    ]  # between neighbours in the order
    work = [
        (0, len(order), -1, 0, 0)
    ]  # (first, end) of a run of the order, parent, position, level
    while work:
        first, last, parent, start, level = work.pop()
        for low, high in _runs(shared, first, last, start + MIN_SHARED_TOKENS, level):
            if high - low == 1:
                leaves[order[low]] = len(nodes)
                nodes.append(Node(parent, start, sequences[order[low]][start:], level))
                continue
            end = min(shared[low : high - 1])
            work.append((low, high, len(nodes), end, level + 1))
            nodes.append(Node(parent, start, sequences[order[low]][start:end], level))
    return nodes, leaves


def different_tokens(sequences: list[list[int]]) -> int:
    """How many tokens there are to read if sorted neighbours' common beginnings are read once."""
    ordered = sorted(sequences)
    first = len(ordered[0]) if ordered else 0
    pairs = itertools.pairwise(ordered)
    return first + sum(len(right) - common(left, right) for left, right in pairs)


def output_indices(
    nodes: list[Node], leaves: list[int], sequences: list[list[int]], wanted: list[int]
) -> tuple[list[npt.NDArray[np.int32]], list[list[int]], int]:
    """Number the hidden states that are wanted: each node's are stored once, whoever shares it.

    Args:
        nodes: from `tree`.
        leaves: from `tree`.
        sequences: the tree's.
        wanted: for each sequence, of how many of its last tokens hidden states are wanted.

    Returns:
        For each node the index of each token's hidden state, -1 where it is not wanted; for each
        sequence the indices of its `wanted` last tokens; the number of hidden states.
    """
    outputs = [np.full(len(node.tokens), -1, np.int32) for node in nodes]
    indices, count = [], 0
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
        indices.append(own[::-1])
    return outputs, indices, count


def common(a: list[int], b: list[int]) -> int:
    """How many tokens both begin with; always less than the shorter one's length."""
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
    """Runs (first, end) of neighbours that share `least` tokens or more; at MAX_DEPTH, of one."""
    runs = []
    low = first
    for right in range(first + 1, last + 1):
        if right == last or shared[right - 1] < least or level >= MAX_DEPTH:
            runs.append((low, right))
            low = right
    return runs
