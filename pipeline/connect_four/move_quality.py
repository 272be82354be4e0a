"""Moves judged by the complete table: does a move keep what the position was worth?

A win, a draw or a loss is what counts; how soon doesn't. Where every move keeps it, or only one
exists, nothing is asked, so judged are positions in which a legal move throws something away. They
are drawn once, from games of a player that half the time looks ahead and half the time moves by
chance, each different position once, as many of each third of the game.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.connect_four.board import START, GameBoard, Position
from pipeline.connect_four.matches import GameRecord, play
from pipeline.connect_four.players import TeacherPlayer, Turn, turn_keys
from pipeline.connect_four.solution import NO_MOVE, Solution

PHASES = ("opening", "middle", "end")
DEPTH, BLUNDER_SHARE = 2, 0.5  # of the player whose games the positions come from
GAMES_AT_ONCE = 1_000
MOST_ROUNDS = 50  # of such games, before a phase has too few positions


class JudgedMove(NamedTuple):
    """A move that might have thrown something away."""

    ply: int
    keeps: bool


def phase_of(ply: int, board: GameBoard) -> str:
    """Which third of the game a ply is in."""
    return PHASES[min(2, ply * 3 // board.cells)]


def keeping(solution: Solution, position: Position) -> npt.NDArray[np.bool_]:
    """[games, columns] which legal moves keep win, draw or loss."""
    worth = np.sign(solution.move_scores(position).astype(np.int64))
    worth[solution.move_scores(position) == NO_MOVE] = -2
    return np.asarray(worth == worth.max(axis=1, keepdims=True), dtype=np.bool_)


def has_choice(solution: Solution, position: Position) -> npt.NDArray[np.bool_]:
    """[games] whether some legal move throws something away."""
    legal = solution.board.legal(position.mask)
    return np.asarray((legal & ~keeping(solution, position)).any(axis=1), dtype=np.bool_)


def positions(solution: Solution, count: int, seed: int) -> dict[str, Turn]:
    """Positions to be judged, by phase: fewer than `count` where there are no more.

    Args:
        solution: of the board.
        count: of each phase.
        seed: of the games that they come from, and of the players' own draws.
    """
    board = solution.board
    found: dict[str, dict[int, str]] = {phase: {} for phase in PHASES}
    player = TeacherPlayer(board, DEPTH, BLUNDER_SHARE)
    for number in range(MOST_ROUNDS):
        first = number * GAMES_AT_ONCE
        records = play(board, player, player, range(first, first + GAMES_AT_ONCE), seed)
        for key, moves in _reached(records, board).items():
            found[phase_of(len(moves), board)].setdefault(key, moves)
        chosen = {phase: _with_choice(solution, known) for phase, known in found.items()}
        if all(len(moves) >= count for moves in chosen.values()):
            break
    return {phase: _turn(board, moves[:count], seed) for phase, moves in chosen.items()}


def judged(records: Sequence[GameRecord], solution: Solution, role: int) -> list[JudgedMove]:
    """The moves of one side of some games, where there was something to throw away.

    Args:
        records: games that were played.
        solution: of their board.
        role: 0 for who began, 1 for the other.
    """
    board = solution.board
    stones, mask, chosen, plies = [], [], [], []
    for record in records:
        position = START
        for ply, digit in enumerate(record.moves):
            if ply >= record.opening and ply % 2 == role:
                stones.append(position.stones)
                mask.append(position.mask)
                chosen.append(int(digit) - 1)
                plies.append(ply)
            position = board.play(position, int(digit) - 1)
    if not chosen:
        return []
    many = Position(np.array(stones, dtype=np.uint64), np.array(mask, dtype=np.uint64))
    keeps = keeping(solution, many)[np.arange(len(chosen)), chosen]
    asked = has_choice(solution, many)
    return [JudgedMove(ply, bool(kept)) for ply, kept, one in zip(plies, keeps, asked) if one]


def _reached(records: Sequence[GameRecord], board: GameBoard) -> dict[int, str]:
    found: dict[int, str] = {}
    for record in records:
        position = START
        for ply, digit in enumerate(record.moves):
            found.setdefault(int(board.key(position)), record.moves[:ply])
            position = board.play(position, int(digit) - 1)
    return found


def _with_choice(solution: Solution, known: dict[int, str]) -> list[str]:
    if not known:
        return []
    keys = np.array(list(known), dtype=np.uint64)
    asked = has_choice(solution, solution.board.position(keys))
    return [moves for moves, one in zip(known.values(), asked) if one]


def _turn(board: GameBoard, moves: Sequence[str], seed: int) -> Turn:
    reached = [board.after(played) for played in moves]
    numbers = range(len(moves))
    return Turn(
        numbers,
        Position(
            np.array([position.stones for position in reached], dtype=np.uint64),
            np.array([position.mask for position in reached], dtype=np.uint64),
        ),
        moves,
        turn_keys(seed, numbers, board.cells),
    )
