"""The complete table of a small board: what every reachable position is worth, to the last ply.

Positions are listed layer by layer (a ply is one stone more), each once, and judged from the last
layer back: a position is worth the best of what its moves leave to the other side, negated. Sorted
keys and numpy do it; 5 x 4 has 3,945,711 positions.

A score is the side's to move: 0 a draw, above 0 a win, below 0 a loss; of two wins the sooner one
is higher, of two losses the later one. A game that ends with stone e scores cells + 1 - e for the
winner, so the score stays what it is while both play perfectly.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.connect_four.board import START, GameBoard, Keys, Position
from storage.errors import UserError

Scores = npt.NDArray[np.int8]

NO_MOVE = -128  # the score of a column without room
# 7 x 4, say, has 161 million positions: no laptop's memory.
MOST_POSITIONS = 50_000_000


@dataclasses.dataclass(frozen=True)
class Solution:
    """The score of every position that play can reach."""

    board: GameBoard
    keys: Keys  # [positions] ascending
    scores: Scores  # [positions]

    def score(self, position: Position) -> Scores:
        """[games] of positions.

        Raises:
            UserError: no play leads to one of them.
        """
        wanted = np.atleast_1d(np.asarray(self.board.key(position), dtype=np.uint64))
        found = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        if (self.keys[found] != wanted).any():
            raise UserError("connect four: a position that no play from the empty board leads to")
        return self.scores[found]

    def move_scores(self, position: Position) -> Scores:
        """[games, columns] what each move is worth to the side that makes it.

        Args:
            position: one or many, of games that are not over.
        """
        stones, mask = (np.atleast_1d(np.asarray(b, dtype=np.uint64)) for b in position)
        worth = np.full((len(mask), self.board.width), NO_MOVE, dtype=np.int8)
        for column in range(self.board.width):
            room = np.flatnonzero(self.board.is_open(mask, column))
            left = self.board.play(Position(stones[room], mask[room]), column)
            worth[room, column] = -self.score(left)
        return worth


def layers(board: GameBoard) -> Iterator[Keys]:
    """The positions of each ply, by ascending keys; play ends with a line or a full board."""
    keys = np.array([board.key(START)], dtype=np.uint64)
    total = 0
    while len(keys):
        total += len(keys)
        if total > MOST_POSITIONS:
            raise UserError(
                f"connect four on {board.width} x {board.height} has more than {MOST_POSITIONS:,}"
                " positions: take a smaller board"
            )
        yield keys
        position = board.position(keys)
        goes_on = ~board.is_lost(position)
        stones, mask = position.stones[goes_on], position.mask[goes_on]
        following = []
        for column in range(board.width):
            room = board.is_open(mask, column)
            left = board.play(Position(stones[room], mask[room]), column)
            following.append(board.key(left))
        keys = np.unique(np.concatenate(following))


def solve(board: GameBoard) -> Solution:
    """Judge every reachable position.

    Raises:
        UserError: there are too many.
    """
    by_ply = list(layers(board))
    judged: list[Scores] = []
    later_keys, later = by_ply[-1][:0], np.empty(0, dtype=np.int8)
    for ply in range(len(by_ply) - 1, -1, -1):
        keys = by_ply[ply]
        position = board.position(keys)
        lost = board.is_lost(position)
        best = np.full(len(keys), NO_MOVE, dtype=np.int8)
        for column in range(board.width):
            room = np.flatnonzero(board.is_open(position.mask, column) & ~lost)
            left = board.play(Position(position.stones[room], position.mask[room]), column)
            found = np.searchsorted(later_keys, board.key(left))
            best[room] = np.maximum(best[room], -later[found])
        best[best == NO_MOVE] = 0  # full: a draw
        best[lost] = -(board.cells + 1 - ply)
        judged.append(best)
        later_keys, later = keys, best
    keys = np.concatenate(by_ply)
    order = np.argsort(keys)
    return Solution(board, keys[order], np.concatenate(judged[::-1])[order])
