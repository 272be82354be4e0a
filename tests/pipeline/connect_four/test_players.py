"""Who sees what: the teacher, the perfect player, chance; alone or beside other games."""

import numpy as np
import plain_board
import pytest
from plain_board import random_lines

from pipeline.connect_four.board import GameBoard, Position
from pipeline.connect_four.players import (
    PerfectPlayer,
    Player,
    RandomPlayer,
    TeacherPlayer,
    Turn,
    looked_ahead,
    pick,
    turn_keys,
)
from pipeline.connect_four.solution import NO_MOVE, Solution, solve

BOARD = GameBoard(4, 4)


@pytest.fixture(scope="module")
def table() -> Solution:
    return solve(BOARD)


def turn_of(lines: list[str], board: GameBoard = BOARD, seed: int = 0) -> Turn:
    reached = [board.after(moves) for moves in lines]
    many = Position(*(np.array(bits, dtype=np.uint64) for bits in zip(*reached)))
    return Turn(range(len(lines)), many, lines, turn_keys(seed, range(len(lines)), 0))


def plain_search(moves: str, depth: int) -> int:
    """What the side to move sees, by the plain board."""
    state = plain_board.ended(moves, 4, 4, 4)
    if state == "won":
        return -(depth + 1)
    if state or depth == 0:
        return 0
    return max(-plain_search(moves + move, depth - 1) for move in plain_board.legal(moves, 4, 4))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_looking_ahead_is_a_plain_search(depth: int) -> None:
    lines = random_lines(60, BOARD)
    worth = looked_ahead(BOARD, turn_of(lines).position, depth)
    for moves, row in zip(lines, worth.tolist()):
        room = plain_board.legal(moves, 4, 4)
        expected = [
            -plain_search(moves + str(c + 1), depth - 1) if str(c + 1) in room else NO_MOVE
            for c in range(4)
        ]
        assert row == expected, moves


def test_depth_one_sees_its_own_win_and_depth_two_the_other_sides() -> None:
    own, other = "112233", "1122344"  # column 4 wins for who moves; for the other, unless blocked
    turn = turn_of([own, "11223"] * 100)
    shallow = TeacherPlayer(BOARD, 1, 0.0).choose(turn)
    deep = TeacherPlayer(BOARD, 2, 0.0).choose(turn)
    assert set(shallow[::2]) == set(deep[::2]) == {3}
    assert set(deep[1::2]) == {3}
    assert len(set(shallow[1::2])) > 1
    assert plain_board.ended(other, 4, 4, 4) == ""


def test_a_teacher_blunders_as_often_as_it_is_said_to() -> None:
    turn = turn_of(["112233"] * 4_000)
    missed = (TeacherPlayer(BOARD, 2, 0.4).choose(turn) != 3).mean()
    assert missed == pytest.approx(0.4 * 3 / 4, abs=0.03)  # of any legal move, one is right
    assert (TeacherPlayer(BOARD, 2, 0.0).choose(turn) == 3).all()


def test_the_perfect_player_keeps_the_score_and_varies_among_equals(table: Solution) -> None:
    lines = random_lines(300, BOARD)
    turn = turn_of(lines)
    chosen = PerfectPlayer(table).choose(turn)
    worth = table.move_scores(turn.position)
    assert (worth[np.arange(len(lines)), chosen] == table.score(turn.position)).all()
    start = PerfectPlayer(table).choose(turn_of([""] * 200))
    equals = np.flatnonzero(table.move_scores(BOARD.after(""))[0] == 0)
    assert sorted(set(start.tolist())) == equals.tolist()


def test_chance_takes_each_column_with_room_equally_often() -> None:
    turn = turn_of(["1111"] * 6_000)
    counts = np.bincount(RandomPlayer(BOARD).choose(turn), minlength=4)
    assert counts[0] == 0
    assert (abs(counts[1:] / 6_000 - 1 / 3) < 0.03).all()


def test_pick_takes_the_kth_of_the_allowed() -> None:
    allowed = np.array([[False, True, False, True]] * 4)
    assert pick(allowed, np.array([0.001, 0.499, 0.501, 0.999])).tolist() == [1, 1, 3, 3]


def test_a_game_s_move_does_not_depend_on_the_games_beside_it(table: Solution) -> None:
    lines = random_lines(40, BOARD)
    turn = turn_of(lines)
    half = Turn(
        turn.numbers[::2],
        Position(turn.position.stones[::2], turn.position.mask[::2]),
        lines[::2],
        turn.keys[::2],
    )
    players: list[Player] = [
        RandomPlayer(BOARD),
        TeacherPlayer(BOARD, 2, 0.3),
        PerfectPlayer(table),
    ]
    for player in players:
        assert (player.choose(half) == player.choose(turn)[::2]).all(), player.name


def test_keys_differ_by_seed_game_and_ply() -> None:
    keys = [turn_keys(seed, range(20), ply) for seed in (0, 1) for ply in range(20)]
    assert len(set(np.concatenate(keys).tolist())) == 800
