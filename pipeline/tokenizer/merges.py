"""Which merges made a token: byte-pair encoding of its bytes, step by step.

In: a tokenizer and a token's id. Out: the steps in the order in which encoding takes them, the
merge that was learned first before all others, until one piece is left.
"""

import dataclasses
import itertools
import json
from functools import cached_property

from pipeline.tokenizer.tokenizer import Tokenizer, byte_of_character
from storage.errors import UserError

MOST_BYTES = 512  # of a token whose steps are shown: each takes a line. Ours


@dataclasses.dataclass(frozen=True)
class MergeStep:
    """One merge.

    Args:
        rank: how many merges were learned before it.
        at: the position of the joined piece.
        pieces: all pieces after it, as bytes.
    """

    rank: int
    at: int
    pieces: tuple[bytes, ...]


class LearnedMerges:
    """Of one tokenizer.

    Args:
        tokenizer: a byte-level BPE.

    Raises:
        UserError: it is of another kind.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        model = json.loads(tokenizer.to_json())["model"]
        if "merges" not in model:
            raise UserError(f"a tokenizer of type {model.get('type')} has no merges")
        self.tokenizer = tokenizer
        # Older files write a pair as a text with a space between.
        self._pairs = [
            tuple(pair.split(" ", 1) if isinstance(pair, str) else pair) for pair in model["merges"]
        ]

    @cached_property
    def _ranks(self) -> dict[tuple[bytes, bytes], int]:
        table = byte_of_character()
        ranks: dict[tuple[bytes, bytes], int] = {}
        for rank, (left, right) in enumerate(self._pairs):
            pair = bytes(table[c] for c in left), bytes(table[c] for c in right)
            ranks.setdefault(pair, rank)
        return ranks

    def steps(self, token: int) -> list[MergeStep]:
        """From single bytes to the token; none for a byte or a control token.

        Raises:
            UserError: there is no such token, it is very long, or no merges lead to it.
        """
        table = self.tokenizer.token_bytes
        if not 0 <= token < len(table) or not table[token]:
            raise UserError(f"there is no token {token}: ids go from 0 to {len(table) - 1}")
        if token in self.tokenizer.special_tokens.values():
            return []
        if len(table[token]) > MOST_BYTES:
            raise UserError(f"token {token} has {len(table[token])} bytes, more than are shown")
        pieces = [bytes([byte]) for byte in table[token]]
        found: list[MergeStep] = []
        while len(pieces) > 1:
            pairs = enumerate(itertools.pairwise(pieces))
            ranked = [(self._ranks[pair], at) for at, pair in pairs if pair in self._ranks]
            if not ranked:
                raise UserError(f"token {token} was added to the vocabulary: no merges lead to it")
            rank, at = min(ranked)
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
            found.append(MergeStep(rank, at, tuple(pieces)))
        return found
