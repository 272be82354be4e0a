"""Reads sequences by torch, what they share once: as `native.read` does by the C kernels.

The sequences' tree (`prefixes`) is read from its roots down: nodes of like length are read
together, right-padded, each in a cache row that begins with its parent's keys and values.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pipeline.model import device as devices
from pipeline.model.attention import MAX_SCORES
from pipeline.model.kv_cache import KVCache
from pipeline.model.prefixes import Node, output_indices, tree
from pipeline.model.transformer import Transformer, Weights

# Of all tokens: where less is shared, a pass for each depth costs more than it saves.
MIN_SHARED_FRACTION = 0.25
MAX_CACHE_BYTES = 2 << 30  # of keys and values, at each depth of the tree

Moved = Callable[[str], object]


def is_worthwhile(all_tokens: int, different_tokens: int) -> bool:
    """Whether enough of the tokens is shared.

    Args:
        all_tokens: of all sequences together.
        different_tokens: how many there are to read if what is shared is read once.
    """
    return different_tokens <= (1 - MIN_SHARED_FRACTION) * all_tokens


def empty_cache(model: Transformer, rows: int, capacity: int) -> KVCache:
    """A cache for reading by torch."""
    # Products of single queries are faster in float32 than in bf16 on a CPU.
    dtype = torch.float32 if devices.on_cpu(model.device) else model.compute_dtype
    return KVCache.empty(model.config, rows, capacity, dtype, model.device)


def read_rows(
    model: Transformer, weights: Weights, cache: KVCache, rows: list[list[int]]
) -> Iterator[tuple[int, Tensor]]:
    """Read a row of tokens after each row of the cache, in pieces of at most `MAX_SCORES` scores.

    Yields:
        Of each piece the index of its first token in `rows`, and its hidden states [rows, seq of
        the piece, width]; rows shorter than the longest are right-padded.
    """
    lengths = torch.tensor([len(row) for row in rows], device=model.device)
    padded = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = torch.tensor(row)
    padded = padded.to(model.device)  # [rows, longest]
    longest = padded.shape[1]
    keys = int(cache.lengths.max()) + longest
    step = max(1, MAX_SCORES // (len(rows) * model.config.heads * keys))
    for start in range(0, longest, step):
        piece = padded[:, start : start + step]
        h = model.hidden(piece, cache=cache, weights=weights)
        cache.advance((lengths - start).clamp(0, piece.shape[1]))
        yield start, h


def hidden_states(
    model: Transformer,
    weights: Weights,
    sequences: list[list[int]],
    wanted: list[int],
    tokens_at_once: int,
    moved: Moved,
) -> tuple[Tensor, list[list[int]]]:
    """The hidden states of each sequence's last tokens.

    Args:
        model: the model.
        weights: from `model.cast_weights`.
        sequences: token ids.
        wanted: for each sequence, how many of its last tokens' hidden states to return.
        tokens_at_once: the most tokens read in one pass, padding counted.
        moved: called at each pass.

    Returns:
        Hidden states [outputs, width], and for each sequence the rows of its `wanted` last tokens.
    """
    nodes, leaves = tree(sequences)
    outputs, indices, count = output_indices(nodes, leaves, sequences, wanted)
    hidden = torch.empty(count, model.config.width, dtype=model.compute_dtype, device=model.device)

    def seen(chosen: list[int], start: int, h: Tensor) -> None:
        found = [
            (row, at, int(outputs[index][start + at]))
            for row, index in enumerate(chosen)
            for at in range(min(h.shape[1], len(outputs[index]) - start))
            if outputs[index][start + at] >= 0
        ]
        if found:
            rows, at, to = torch.tensor(found, device=h.device).T
            hidden[to] = h[rows, at]

    _go_down(model, weights, nodes, tokens_at_once, moved, seen)
    return hidden, indices


def _go_down(
    model: Transformer,
    weights: Weights,
    nodes: list[Node],
    tokens_at_once: int,
    moved: Moved,
    seen: Callable[[list[int], int, Tensor], None],
) -> None:
    """Read all nodes.

    Args:
        model: the model.
        weights: from `model.cast_weights`.
        nodes: of a tree, parents before children.
        tokens_at_once: the most tokens read in one pass, padding counted.
        moved: called at each pass.
        seen: called with the nodes' indices, the index of the first of their tokens that was just
            read, and the hidden states [nodes, tokens, width].
    """
    below: dict[int, list[int]] = {}
    reach = [node.end for node in nodes]  # the longest sequence through it
    for index in reversed(range(len(nodes))):  # parents come before children
        parent = nodes[index].parent
        below.setdefault(parent, []).insert(0, index)
        if parent >= 0:
            reach[parent] = max(reach[parent], reach[index])
    size = _position_bytes(model)

    def visit(above: KVCache | None, chosen: list[tuple[int, int]]) -> None:
        """Read nodes and all below them; each comes with its parent's row in the cache above."""
        chosen = sorted(chosen, key=lambda pair: len(nodes[pair[0]].tokens), reverse=True)
        while chosen:
            most = max(1, tokens_at_once // len(nodes[chosen[0][0]].tokens))
            capacity = max(reach[index] for index, _ in chosen[:most])
            if above is not None:
                capacity = above.capacity
            group = chosen[: min(most, max(1, MAX_CACHE_BYTES // (capacity * size)))]
            chosen = chosen[len(group) :]
            moved("scores")
            indices = [index for index, _ in group]
            if above is None:
                # One more position: padding without room is written there, where nothing looks.
                cache = empty_cache(model, len(group), capacity + 1)
            else:
                cache = above.select(torch.tensor([row for _, row in group], device=model.device))
            for start, h in read_rows(model, weights, cache, [nodes[i].tokens for i in indices]):
                seen(indices, start, h)
            deeper = [(i, row) for row, index in enumerate(indices) for i in below.get(index, ())]
            if deeper:
                visit(cache, deeper)

    visit(None, [(index, -1) for index in below[-1]])


def _position_bytes(model: Transformer) -> int:
    c = model.config
    return 2 * c.layers * c.kv_heads * c.head_dim * 4
