"""Who plays: one protocol, and the players that need no model.

A player is given all games in which it is to move, and a random number's key for each, so that what
it plays in a game does not depend on which other games are under way.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.connect_four.board import GameBoard, Keys, Position
from pipeline.connect_four.solution import NO_MOVE, Solution
from pipeline.model.sampling import row_key, uniforms

Columns = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Turn:
    """Games in which it is one player's turn."""

    numbers: Sequence[int]  # of the games
    position: Position  # [games] uint64
    moves: Sequence[str]  # of each game, so far
    keys: Keys  # [games] to random numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def one(self, at: int) -> Position:
        """One of the positions, in Python's integers."""
        return Position(int(self.position.stones[at]), int(self.position.mask[at]))


class Player(Protocol):
    """Chooses moves."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def choose(self, turn: Turn) -> Columns:
        """[games] a column each, from 0; notation.ILLEGAL where it says no legal move."""


def turn_keys(seed: int, numbers: Sequence[int], ply: int) -> Keys:
    """[games] a key to random numbers for each game at a ply."""
    made = [row_key(seed, [number], ply, 0) for number in numbers]
    return np.array(made, dtype=np.uint64)


def pick(allowed: npt.NDArray[np.bool_], chances: npt.NDArray[np.float64]) -> Columns:
    """[games] one of the allowed columns, each equally likely.

    Args:
        allowed: [games, columns], one at least in each game.
        chances: [games] random numbers in (0, 1).
    """
    rank = (chances * allowed.sum(axis=1)).astype(np.int64)
    found: Columns = (allowed.cumsum(axis=1) > rank[:, None]).argmax(axis=1)
    return found


@dataclasses.dataclass(frozen=True)
class RandomPlayer:
    """Any move, each equally likely."""

    board: GameBoard
    name: str = "random"

    def choose(self, turn: Turn) -> Columns:
        """See Player."""
        return pick(self.board.legal(turn.position.mask), uniforms(turn.keys, 0))


@dataclasses.dataclass(frozen=True)
class TeacherPlayer:
    """Looks a few plies ahead, is blind beyond, and now and then moves without looking."""

    board: GameBoard
    depth: int  # plies, its own move among them: 1 sees a win, 2 the other side's as well
    blunder_share: float  # of moves that are any legal one
    name: str = "teacher"

    def choose(self, turn: Turn) -> Columns:
        """See Player."""
        legal = self.board.legal(turn.position.mask)
        worth = looked_ahead(self.board, turn.position, self.depth)
        best = legal & (worth == worth.max(axis=1, keepdims=True))
        blunders = uniforms(turn.keys, 0) < self.blunder_share
        return pick(np.where(blunders[:, None], legal, best), uniforms(turn.keys, 1))


@dataclasses.dataclass(frozen=True)
class PerfectPlayer:
    """By the complete table: the soonest win, else a draw, else the latest loss; ties by chance."""

    solution: Solution
    name: str = "perfect"

    def choose(self, turn: Turn) -> Columns:
        """See Player."""
        worth = self.solution.move_scores(turn.position)
        return pick(worth == worth.max(axis=1, keepdims=True), uniforms(turn.keys, 0))


def looked_ahead(board: GameBoard, position: Position, depth: int) -> npt.NDArray[np.int64]:
    """[games, columns] what a search of `depth` plies sees of each move: wins and losses, else 0.

    A sooner win is worth more, a later loss less bad; a column without room is worth NO_MOVE.
    """
    worth = np.full((len(position.mask), board.width), NO_MOVE, dtype=np.int64)
    for column in range(board.width):
        room = board.is_open(position.mask, column)
        left = board.play(position, column)  # nonsense where there is no room, and not used there
        worth[:, column] = np.where(room, -_seen(board, left, depth - 1), NO_MOVE)
    return worth


def _seen(board: GameBoard, position: Position, depth: int) -> npt.NDArray[np.int64]:
    lost = board.is_lost(position)
    best = np.zeros(len(position.mask), dtype=np.int64)
    if depth > 0:
        worth = looked_ahead(board, position, depth)
        best = np.where(board.is_full(position), 0, worth.max(axis=1))
    return np.where(lost, -(depth + 1), best)
