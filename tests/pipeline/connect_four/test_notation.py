"""What the model reads is the position, from its own side, in so many tokens; what it may reply."""

import numpy as np
import plain_board
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_board import random_lines

from pipeline.chat.conversation import prompt, user
from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.game_vocabulary import game_tokenizer
from pipeline.connect_four.notation import ILLEGAL, NOTATIONS, column_of, described, drawing

BOARD = GameBoard()


def said(moves: str, notation: str) -> str:
    return described(BOARD, BOARD.after(moves), moves, notation)


def test_the_forms_of_one_position() -> None:
    assert said("113", "columns") == "Columns: ox . o . ."
    assert said("1134", "columns") == "Columns: xo . x o ."
    assert said("113", "board") == "Board:\n.....\n.....\nx....\no.o.."
    assert said("113", "moves") == "Moves: 113"
    assert said("", "moves") == "Moves: none"
    assert said("", "columns") == "Columns: . . . . ."
    assert said("12", "both") == "Board:\n.....\n.....\n.....\nxo...\nMoves: 12"


@pytest.mark.parametrize("notation", ["columns", "board"])
def test_own_stones_are_x_and_the_board_can_be_read_back(notation: str) -> None:
    for moves in random_lines(100, BOARD):
        own = "xo"[len(moves) % 2]
        plain = plain_board.columns(moves, 5)
        turned = ["".join("x" if stone == own else "o" for stone in column) for column in plain]
        text = said(moves, notation)
        if notation == "columns":
            assert text == "Columns: " + " ".join(word or "." for word in turned)
        else:
            rows = text.splitlines()[1:]
            read = ["".join(row[c] for row in rows[::-1]).rstrip(".") for c in range(5)]
            assert read == turned
            assert drawing(turned, 4) == "\n".join(rows)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_vocabulary_reads_a_prompt_in_tokens_that_depend_on_the_board_alone(
    notation: str,
) -> None:
    tokenizer = game_tokenizer(BOARD, notation)
    ids = [prompt([user(said(m, notation))], tokenizer) for m in random_lines(100, BOARD)]
    lengths = {len(one) for one in ids}
    if notation in ("columns", "board"):
        assert lengths == {{"columns": 15, "board": 34}[notation]}
    for one in range(1, 6):
        assert len(tokenizer.encode(str(one))) == 1
    assert len(tokenizer.encode("user")) == len(tokenizer.encode("assistant")) == 1
    text = said("1234512", notation)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_two_vocabularies_of_a_board_are_the_same() -> None:
    one, other = (game_tokenizer(BOARD, "columns") for _ in range(2))
    assert one.token_bytes == other.token_bytes


@pytest.mark.parametrize(
    ("reply", "column"),
    [("1", 0), ("5", 4), (" 3\n", 2), ("6", ILLEGAL), ("0", ILLEGAL), ("", ILLEGAL)]
    + [(text, ILLEGAL) for text in ("33", "3.", "column 3", "three", "-1", "²", "３", "1 2")],
)
def test_a_reply_is_a_column_alone(reply: str, column: int) -> None:
    assert column_of(reply, BOARD) == column


@given(st.text())
def test_no_text_is_read_as_a_column_that_is_not_there(reply: str) -> None:
    column = column_of(reply, BOARD)
    assert column == ILLEGAL or reply.strip() == str(column + 1)
    assert column < BOARD.width
    assert np.isscalar(column)
