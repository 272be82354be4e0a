"""The table is right: against brute force, against published counts, and consistent with itself."""

from typing import Any

import numpy as np
import plain_board
import pytest

from pipeline.connect_four import solution as solutions
from pipeline.connect_four.board import START, GameBoard, Position
from pipeline.connect_four.solution import NO_MOVE, Solution, layers, solve
from storage.errors import UserError


@pytest.fixture(scope="module")
def four() -> Solution:
    return solve(GameBoard(4, 4))


@pytest.mark.parametrize("size", [(3, 3, 3), (2, 5, 2), (4, 2, 3), (3, 4, 3)])
def test_every_score_is_that_of_brute_force(size: tuple[int, int, int]) -> None:
    board = GameBoard(*size)
    known: dict[tuple[str, ...], int] = {}
    plain_board.minimax("", *size, known)
    table = solve(board)
    assert len(table.keys) == len(known)
    for columns, score in known.items():
        stones = mask = 0
        count = sum(map(len, columns))
        for column, word in enumerate(columns):
            for row, stone in enumerate(word):
                bit = 1 << column * (board.height + 1) + row
                mask |= bit
                stones |= bit if stone == "xo"[count % 2] else 0
        assert table.score(Position(stones, mask))[0] == score, columns


def test_four_by_four_has_the_published_positions_and_is_a_draw(four: Solution) -> None:
    assert len(four.keys) == 161_029  # John Tromp, tromp.github.io/c4/c4.html
    assert four.score(START)[0] == 0


def test_the_first_plies_of_the_usual_board_have_the_published_positions() -> None:
    counts = [len(keys) for _, keys in zip(range(7), layers(GameBoard(7, 6)))]
    assert counts == [1, 7, 49, 238, 1120, 4263, 16422]  # OEIS A212693


@pytest.mark.slow
def test_the_games_own_board_has_the_published_positions_and_is_a_draw() -> None:
    table = solve(GameBoard(5, 4))
    assert len(table.keys) == 3_945_711
    assert table.score(START)[0] == 0


def plies_to_end(four: Solution, position: Position) -> Any:
    """[games] stones until the end where both play perfectly, as a score counts them."""
    cells, score = four.board.cells, four.score(position).astype(np.int64)
    return np.where(score == 0, cells, cells + 1 - np.abs(score)) - np.bitwise_count(position.mask)


def test_a_score_is_the_best_move_s_and_no_move_has_none(four: Solution) -> None:
    board = four.board
    rng = np.random.default_rng(1)
    some = board.position(rng.choice(four.keys, 3_000, replace=False))
    goes_on = ~(board.is_lost(some) | board.is_full(some))
    some = Position(some.stones[goes_on], some.mask[goes_on])
    worth = four.move_scores(some)
    assert (worth.max(axis=1) == four.score(some)).all()
    assert ((worth == NO_MOVE) == ~board.legal(some.mask)).all()
    # whoever plays the best move has one ply less until the same end
    plies = plies_to_end(four, some)
    best = worth.argmax(axis=1)
    for column in range(board.width):
        there = best == column
        after = board.play(Position(some.stones[there], some.mask[there]), column)
        assert (plies_to_end(four, after) == plies[there] - 1).all()


def test_mirrored_positions_are_worth_the_same(four: Solution) -> None:
    mirror = str.maketrans("1234", "4321")
    rng = np.random.default_rng(2)
    for _ in range(200):
        moves = ""
        while len(moves) < 9 and not plain_board.ended(moves, 4, 4, 4):
            moves += rng.choice(plain_board.legal(moves, 4, 4))
        one = four.score(four.board.after(moves))
        other = four.score(four.board.after(moves.translate(mirror)))
        assert one == other


def test_a_position_that_no_play_leads_to_is_refused(four: Solution) -> None:
    floating = Position(0, 0b10)
    with pytest.raises(UserError, match="no play from the empty board"):
        four.score(floating)


def test_a_board_with_too_many_positions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solutions, "MOST_POSITIONS", 1_000)
    with pytest.raises(UserError, match=r"connect four on 4 x 4 has more than 1,000 positions"):
        solve(GameBoard(4, 4))


def test_open_spiel_plays_by_the_same_rules() -> None:
    spiel = pytest.importorskip("pyspiel", reason="open_spiel is not installed")
    game, board = spiel.load_game("connect_four"), GameBoard(7, 6)
    rng = np.random.default_rng(4)
    for _ in range(50):
        state, position = game.new_initial_state(), START
        while not state.is_terminal():
            assert not board.is_lost(position)
            room = np.flatnonzero(board.legal(position.mask)[0]).tolist()
            assert state.legal_actions() == room
            column = int(rng.choice(room))
            state.apply_action(column)
            position = board.play(position, column)
        won = bool(board.is_lost(position))
        assert won or board.is_full(position)
        assert max(state.returns()) == float(won)
