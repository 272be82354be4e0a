"""What the judge says: against brute force, and of players whose worth is known."""

import numpy as np
import pytest

from pipeline.connect_four.board import GameBoard, Position
from pipeline.connect_four.matches import GameRecord, play
from pipeline.connect_four.move_quality import (
    PHASES,
    has_choice,
    judged,
    keeping,
    phase_of,
    positions,
)
from pipeline.connect_four.players import PerfectPlayer, RandomPlayer
from pipeline.connect_four.solution import Solution, solve

BOARD = GameBoard(4, 4)


@pytest.fixture(scope="module")
def table() -> Solution:
    return solve(BOARD)


def test_a_move_keeps_what_no_better_one_gains(table: Solution) -> None:
    rng = np.random.default_rng(0)
    many = BOARD.position(rng.choice(table.keys, 400, replace=False))
    goes_on = ~(BOARD.is_lost(many) | BOARD.is_full(many))
    many = Position(many.stones[goes_on], many.mask[goes_on])
    kept, choice = keeping(table, many), has_choice(table, many)
    for at in range(len(many.mask)):
        one = Position(int(many.stones[at]), int(many.mask[at]))
        worth = {
            column: -int(np.sign(int(table.score(BOARD.play(one, column))[0])))
            for column in range(4)
            if BOARD.is_open(one.mask, column)
        }
        best = max(worth.values())
        assert kept[at].tolist() == [worth.get(column) == best for column in range(4)]
        assert choice[at] == (min(worth.values()) < best)


def test_positions_are_different_have_a_choice_and_fill_each_phase(table: Solution) -> None:
    found = positions(table, 80, seed=1)
    assert list(found) == list(PHASES)
    for phase, turn in found.items():
        assert len(turn) == 80 or phase == "opening"  # which has few
        assert len(turn) > 20
        assert has_choice(table, turn.position).all()
        assert len(set(BOARD.key(turn.position).tolist())) == len(turn)
        assert {phase_of(len(moves), BOARD) for moves in turn.moves} == {phase}
    again = positions(table, 80, seed=1)
    assert [turn.moves for turn in again.values()] == [turn.moves for turn in found.values()]
    other = positions(table, 80, seed=2)
    assert other["middle"].moves != found["middle"].moves


def test_the_perfect_player_keeps_everything_and_chance_does_not(table: Solution) -> None:
    records = play(BOARD, PerfectPlayer(table), RandomPlayer(BOARD), range(60), seed=4)
    assert all(move.keeps for move in judged(records, table, 0))
    careless = judged(records, table, 1)
    assert 0.2 < np.mean([move.keeps for move in careless]) < 0.9
    assert {move.ply % 2 for move in careless} == {1}


def test_an_opening_s_moves_are_nobodys(table: Solution) -> None:
    record = GameRecord(0, 3, "1234", "draw", False)
    assert {move.ply for role in (0, 1) for move in judged([record], table, role)} <= {3}


def test_thirds_of_the_game() -> None:
    board = GameBoard()
    assert [phase_of(ply, board) for ply in (0, 6, 7, 13, 14, 19)] == [
        *("opening", "opening", "middle", "middle", "end", "end")
    ]
