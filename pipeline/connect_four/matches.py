"""Many games at a time, ply by ply: two players in, what was played out.

A player that says no legal move loses that game, which is told. A game's moves depend on its number
and the seed alone, not on the games beside it. Some first plies may be drawn by chance, so that
players who always do the same meet different games.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np

from pipeline.connect_four.board import GameBoard, Position
from pipeline.connect_four.players import Columns, Player, RandomPlayer, Turn, turn_keys
from pipeline.model.sampling import uniforms

Winner = Literal["first", "second", "draw"]
ROLES: tuple[Winner, Winner] = ("first", "second")
OPENING_PLY = 1 << 20  # of the key by which an opening's length is drawn: no game's ply


@dataclasses.dataclass(frozen=True)
class GameRecord:
    """A game that is over."""

    number: int
    opening: int  # plies by chance, before the players' own
    moves: str  # the opening's among them: each the digit of its column
    winner: Winner
    illegal: bool  # the loser said no legal move

    @property
    def reward(self) -> float:
        """The first player's: 1 won, 0 drawn, -1 lost. The second one's is its negative."""
        return {"first": 1.0, "draw": 0.0, "second": -1.0}[self.winner]


class GameRow(TypedDict):
    """A row of storage.schemas.GAMES."""

    step: int
    game: int
    first: str
    second: str
    opening: int
    moves: str
    winner: str
    illegal: bool
    first_baseline: float | None
    second_baseline: float | None


def play(
    board: GameBoard,
    first: Player,
    second: Player,
    numbers: Sequence[int],
    seed: int,
    opening_plies: int = 0,
) -> list[GameRecord]:
    """Play games to their ends.

    Args:
        board: its size.
        first: who begins.
        second: the other.
        numbers: of the games, all different.
        seed: of all that is drawn.
        opening_plies: the most plies by chance; each number up to it is equally likely.

    Returns:
        The games in the order of `numbers`.
    """
    count = len(numbers)
    stones, mask = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.uint64)
    moves = [""] * count
    drawn = uniforms(turn_keys(seed, numbers, OPENING_PLY), 0)
    opening = (drawn * (opening_plies + 1)).astype(np.int64)
    over: dict[int, tuple[Winner, bool]] = {}
    chance = RandomPlayer(board)
    for ply in range(board.cells):
        going = np.array([at for at in range(count) if at not in over], dtype=np.int64)
        mover, other = ROLES[ply % 2], ROLES[1 - ply % 2]
        keys = turn_keys(seed, [numbers[at] for at in going.tolist()], ply)
        by_chance = opening[going] > ply
        for player, own in ((chance, by_chance), ((first, second)[ply % 2], ~by_chance)):
            at = going[own]
            if not len(at):
                continue
            turn = Turn(
                [numbers[i] for i in at.tolist()],
                Position(stones[at], mask[at]),
                [moves[i] for i in at.tolist()],
                keys[own],
            )
            columns = player.choose(turn)
            legal = _legal(board, turn.position, columns)
            for i in at[~legal].tolist():
                over[i] = (other, True)
            at, columns = at[legal], columns[legal]
            for column in range(board.width):
                there = at[columns == column]
                played = board.play(Position(stones[there], mask[there]), column)
                stones[there], mask[there] = played
                for i in there.tolist():
                    moves[i] += str(column + 1)
            after = Position(stones[at], mask[at])
            for i in at[board.is_full(after)].tolist():
                over[i] = ("draw", False)
            for i in at[board.is_lost(after)].tolist():
                over[i] = (mover, False)
    return [
        GameRecord(numbers[i], int(min(opening[i], len(moves[i]))), moves[i], *over[i])
        for i in range(count)
    ]


def rows(records: Sequence[GameRecord], first: str, second: str, step: int = 0) -> list[GameRow]:
    """Rows of the `games` table."""
    return [
        {
            "step": step,
            "game": record.number,
            "first": first,
            "second": second,
            "opening": record.opening,
            "moves": record.moves,
            "winner": record.winner,
            "illegal": record.illegal,
            "first_baseline": None,
            "second_baseline": None,
        }
        for record in records
    ]


def _legal(board: GameBoard, position: Position, columns: Columns) -> np.ndarray:
    """[games] whether each column is one that has room."""
    known = (columns >= 0) & (columns < board.width)
    legal = board.legal(position.mask)
    found: np.ndarray = known & legal[np.arange(len(columns)), np.where(known, columns, 0)]
    return found
