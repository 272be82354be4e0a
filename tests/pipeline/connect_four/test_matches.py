"""Games end as the plain rules say; an illegal move loses; numbers, not neighbours, decide."""

import dataclasses

import numpy as np
import plain_board
import pytest

from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.matches import GameRecord, play, rows
from pipeline.connect_four.notation import ILLEGAL
from pipeline.connect_four.players import Columns, RandomPlayer, TeacherPlayer, Turn

BOARD = GameBoard(4, 3, 3)


@dataclasses.dataclass
class Stubborn:
    """Says the same column whatever lies there."""

    column: int
    name: str = "stubborn"

    def choose(self, turn: Turn) -> Columns:
        return np.full(len(turn), self.column, dtype=np.int64)


def test_each_game_is_played_by_the_rules_to_its_end() -> None:
    records = play(BOARD, RandomPlayer(BOARD), RandomPlayer(BOARD), range(300), seed=1)
    assert {record.winner for record in records} == {"first", "second", "draw"}
    for record in records:
        for ply in range(len(record.moves)):
            assert plain_board.ended(record.moves[:ply], 4, 3, 3) == ""
            assert record.moves[ply] in plain_board.legal(record.moves[:ply], 4, 3)
        last = plain_board.ended(record.moves, 4, 3, 3)
        mover = ("second", "first")[len(record.moves) % 2]
        assert record.winner == {"won": mover, "full": "draw"}[last]
        assert not record.illegal
        assert record.reward == {"first": 1, "draw": 0, "second": -1}[record.winner]


@pytest.mark.parametrize("said", [ILLEGAL, 4, 7])
def test_a_move_that_is_none_loses_and_is_told(said: int) -> None:
    (first,) = play(BOARD, Stubborn(said), RandomPlayer(BOARD), [3], seed=1)
    assert first == GameRecord(3, 0, "", "second", True)
    (second,) = play(BOARD, RandomPlayer(BOARD), Stubborn(said), [3], seed=1)
    assert (second.winner, second.illegal, len(second.moves)) == ("first", True, 1)


def test_a_full_column_is_an_illegal_move() -> None:
    (record,) = play(BOARD, Stubborn(0), Stubborn(0), [0], seed=1)
    assert record == GameRecord(0, 0, "111", "first", True)


def test_a_game_depends_on_its_number_and_the_seed_alone() -> None:
    teacher = TeacherPlayer(BOARD, 2, 0.5)
    some = play(BOARD, teacher, RandomPlayer(BOARD), range(40), seed=7, opening_plies=3)
    again = play(BOARD, teacher, RandomPlayer(BOARD), [31, 5, 12], seed=7, opening_plies=3)
    assert again == [some[31], some[5], some[12]]
    other = play(BOARD, teacher, RandomPlayer(BOARD), range(40), seed=8, opening_plies=3)
    assert [r.moves for r in other] != [r.moves for r in some]
    assert len({record.moves for record in some}) > 20


def test_openings_are_by_chance_and_as_long_as_asked() -> None:
    records = play(BOARD, Stubborn(0), Stubborn(0), range(400), seed=2, opening_plies=3)
    counts = np.bincount([record.opening for record in records], minlength=4)
    assert len(counts) == 4
    assert (abs(counts / 400 - 1 / 4) < 0.08).all()
    for record in records:
        assert set(record.moves[record.opening :]) <= {"1"}
    assert len({r.moves[:3] for r in records if r.opening == 3}) > 15


def test_rows_say_who_played_and_how_it_ended() -> None:
    record = GameRecord(9, 2, "1234", "draw", False)
    (row,) = rows([record], "a", "b", step=4)
    assert (row["step"], row["game"], row["first"], row["second"]) == (4, 9, "a", "b")
    assert (row["opening"], row["moves"], row["winner"]) == (2, "1234", "draw")
    assert row["illegal"] is False
