"""Which blocks of a page a gold text contains: a share from 0 to 1 a block, by aligning tokens.

A block's position in the gold text is found by its token 3-grams; positions that keep the page's
order and match most tokens form a chain (longest increasing subsequence, weighted). Text that the
gold text has in another order counts too, unless the chain already covers it: a teaser that repeats
the article's first sentence is not main text. Blocks too short for a 3-gram must be in the gold
text between their neighbours in the chain.
"""

import re
from collections import defaultdict

import numpy as np

# One character is a token in scripts without spaces, as the shingle measure has no other unit.
TOKEN = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u2e80-\u9fff]|[^\W_\u0e00-\u0eff\u2e80-\u9fff]+")
GRAM = 3
MAX_POSITIONS = 12  # of one 3-gram that are tried as a block's beginning


def tokens(text: str) -> list[str]:
    """Words in lower case; single characters of scripts without spaces."""
    return TOKEN.findall(text.lower())


def shares(texts: list[str], gold: str) -> np.ndarray:
    """[blocks]: the share of each block's tokens that the gold text has; NaN without tokens."""
    golden = tokens(gold)
    positions: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index in range(len(golden) - GRAM + 1):
        positions[tuple(golden[index : index + GRAM])].append(index)
    blocks = [tokens(text) for text in texts]
    hits = [_hits(block, positions) for block in blocks]
    chain = _chain(blocks, hits)
    covered = np.zeros(len(golden) + 1, bool)
    result = np.zeros(len(texts))
    for index, position in chain.items():
        result[index] = _take(blocks[index], hits[index], position, covered)
    _out_of_order(blocks, hits, chain, covered, result)
    _short(blocks, chain, golden, covered, result)
    for index, block in enumerate(blocks):
        if not block:
            result[index] = np.nan
    return result


def _hits(
    block: list[str], positions: dict[tuple[str, ...], list[int]]
) -> list[tuple[int, list[int]]]:
    """(offset in the block, positions in the gold text) of each 3-gram that occurs there."""
    found = []
    for offset in range(len(block) - GRAM + 1):
        where = positions.get(tuple(block[offset : offset + GRAM]))
        if where:
            found.append((offset, where))
    return found


def _starts(hits: list[tuple[int, list[int]]]) -> list[int]:
    """Likely positions of the block's beginning: those that most of its 3-grams vote for."""
    votes: dict[int, int] = defaultdict(int)
    for offset, where in hits:
        for position in where[:MAX_POSITIONS]:
            votes[position - offset] += 1
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    return [start for start, _ in ranked[:MAX_POSITIONS]]


def _chain(blocks: list[list[str]], hits: list[list[tuple[int, list[int]]]]) -> dict[int, int]:
    """Block -> position in the gold text: ascending positions that match the most tokens."""
    # A link of a chain: its middle, the chain's weight, block, link before, position.
    ends: list[tuple[int, float, int, int, int]] = []
    best_at: list[tuple[int, int]] = []  # (middle, index in ends), weights rising with the middle
    for index, found in enumerate(hits):
        if not found or len(found) < 0.3 * (len(blocks[index]) - GRAM + 1):
            continue
        fresh = []
        for start in _starts(found):
            weight, before = 0.0, -1
            for middle, node in reversed(best_at):
                if middle <= start:
                    weight, before = ends[node][1], node
                    break
            middle = start + (len(blocks[index]) + 1) // 2
            fresh.append((middle, weight + len(found), index, before, start))
        for entry in fresh:
            ends.append(entry)
            _insert(best_at, ends, len(ends) - 1)
    chain: dict[int, int] = {}
    node = best_at[-1][1] if best_at else -1
    while node >= 0:
        _, _, index, before, start = ends[node]
        chain[index] = start
        node = before
    return chain


def _insert(
    best_at: list[tuple[int, int]], ends: list[tuple[int, float, int, int, int]], node: int
) -> None:
    """Insert an end, and keep only those that are better than all earlier ones."""
    middle, weight = ends[node][0], ends[node][1]
    at = len(best_at)
    while at and best_at[at - 1][0] > middle:
        at -= 1
    if at and ends[best_at[at - 1][1]][1] >= weight:
        return
    stop = at
    while stop < len(best_at) and ends[best_at[stop][1]][1] <= weight:
        stop += 1
    best_at[at:stop] = [(middle, node)]


def _take(
    block: list[str], hits: list[tuple[int, list[int]]], start: int, covered: np.ndarray
) -> float:
    """Mark the gold tokens that the block covers near `start`; the share of its tokens matched."""
    matched = np.zeros(len(block), bool)
    for offset, where in hits:
        near = min(where, key=lambda position: abs(position - offset - start))
        covered[near : near + GRAM] = True
        matched[offset : offset + GRAM] = True
    return float(matched.mean())


def _out_of_order(
    blocks: list[list[str]],
    hits: list[list[tuple[int, list[int]]]],
    chain: dict[int, int],
    covered: np.ndarray,
    result: np.ndarray,
) -> None:
    """Blocks outside the chain whose text nothing in the chain covers (columns, moved boxes)."""
    for index in sorted(range(len(blocks)), key=lambda i: -len(hits[i])):
        found = hits[index]
        if index in chain or len(found) < 0.6 * max(1, len(blocks[index]) - GRAM + 1):
            continue
        free = [hit for hit in found if not all(covered[position] for position in hit[1])]
        if found and len(free) >= 0.6 * len(found):
            result[index] = _take(blocks[index], found, _starts(found)[0], covered)


def _short(
    blocks: list[list[str]],
    chain: dict[int, int],
    golden: list[str],
    covered: np.ndarray,
    result: np.ndarray,
) -> None:
    """Blocks of one or two tokens: found if they are, not covered, between their neighbours."""
    following = len(golden)
    limits = [0] * len(blocks)
    for index in range(len(blocks) - 1, -1, -1):
        limits[index] = following
        if index in chain:
            following = max(0, chain[index])
    cursor = 0
    for index, block in enumerate(blocks):
        if index in chain:
            cursor = max(cursor, chain[index])
            continue
        if not block or len(block) >= GRAM:
            continue
        size = len(block)
        for position in range(cursor, min(limits[index], len(golden)) - size + 1):
            if (
                golden[position : position + size] == block
                and not covered[position : position + size].any()
            ):
                covered[position : position + size] = True
                result[index] = 1.0
                cursor = position + size
                break
