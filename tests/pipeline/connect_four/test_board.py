"""The rules on bits are the rules: against a board of lists, game by game and many at once."""

import numpy as np
import plain_board
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.connect_four.board import START, GameBoard, Position
from pipeline.ranges import OutOfRange

BOARDS = st.builds(GameBoard, st.integers(2, 7), st.integers(2, 6), st.just(2)).flatmap(
    lambda b: st.integers(2, max(b.width, b.height)).map(
        lambda connect: GameBoard(b.width, b.height, connect)
    )
)


def walk(board: GameBoard, choices: list[int]) -> list[str]:
    """The moves of a game after each ply, to its end."""
    moves, seen = "", [""]
    for choice in choices:
        if plain_board.ended(moves, board.width, board.height, board.connect):
            break
        room = plain_board.legal(moves, board.width, board.height)
        moves += room[choice % len(room)]
        seen.append(moves)
    return seen


@given(BOARDS, st.lists(st.integers(0, 10), max_size=42))
def test_bits_follow_the_plain_rules(board: GameBoard, choices: list[int]) -> None:
    for moves in walk(board, choices):
        position = board.after(moves)
        state = plain_board.ended(moves, board.width, board.height, board.connect)
        assert bool(board.is_lost(position)) == (state == "won")
        assert bool(board.is_full(position)) == (len(moves) == board.cells)
        room = plain_board.legal(moves, board.width, board.height)
        legal = board.legal(position.mask)[0]
        assert [str(c + 1) for c in range(board.width) if legal[c]] == room


@given(BOARDS, st.lists(st.integers(0, 10), max_size=42))
def test_keys_tell_positions_apart_and_give_them_back(board: GameBoard, choices: list[int]) -> None:
    by_key: dict[int, object] = {}
    for moves in walk(board, choices):
        position = board.after(moves)
        lies = (len(moves) % 2, plain_board.columns(moves, board.width))
        assert by_key.setdefault(board.key(position), lies) == lies
        back = board.position(np.array([board.key(position)], dtype=np.uint64))
        assert (int(back.stones[0]), int(back.mask[0])) == tuple(position)


def test_two_orders_of_moves_that_end_alike_are_one_position() -> None:
    board = GameBoard()
    assert board.after("123") == board.after("321")
    assert board.after("123") != board.after("132")


def test_many_games_at_once_are_each_played_as_alone() -> None:
    board, rng = GameBoard(), np.random.default_rng(3)
    games = [walk(board, rng.integers(0, 10, 20).tolist()) for _ in range(50)]
    lines = [moves for game in games for moves in game]
    alone = [board.after(moves) for moves in lines]
    many = Position(*(np.array(bits, dtype=np.uint64) for bits in zip(*alone)))
    assert board.is_lost(many).tolist() == [bool(board.is_lost(one)) for one in alone]
    for column in range(board.width):
        room = board.is_open(many.mask, column)
        played = board.play(Position(many.stones[room], many.mask[room]), column)
        expected = [board.play(one, column) for one, has in zip(alone, room) if has]
        assert list(zip(played.stones.tolist(), played.mask.tolist())) == expected


def test_moves_that_no_game_has_are_refused() -> None:
    board = GameBoard()
    for moves, why in (
        ("6", "no room in column 6"),
        ("0", "no room"),
        ("11111", "move 5 of 11111: no room in column 1"),
        ("12121212", "move 8 of 12121212: the game is over"),
        ("1x", "no room in column x"),
        ("1²", "no room"),
    ):
        with pytest.raises(ValueError, match=why):
            board.after(moves)
    assert board.after("") == START


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((10, 4, 4), r"GameBoard.width: 10 is above 9"),
        ((9, 7, 4), r"GameBoard.height: 9 columns of 7 \+ 1 bits are 72, above 62"),
        ((3, 3, 4), r"GameBoard.connect: 4 stones fit in no line of 3 x 3"),
        ((5, 4, 1), r"GameBoard.connect: 1 must be at least 2"),
        ((0, 4, 4), r"GameBoard.width: 0 must be above 0"),
    ],
)
def test_boards_that_cannot_be_are_refused(size: tuple[int, int, int], message: str) -> None:
    with pytest.raises(OutOfRange, match=message):
        GameBoard(*size)
