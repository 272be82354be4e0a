"""A position as the text that a model reads, and a move as the text that it writes.

One's own stones are x and the other side's o, whoever began, so that both roles ask the same. The
reply is a column, 1 for the leftmost, and nothing else: anything else is an illegal move.

    columns    Columns: xo . x . .      each from the bottom up; a full stop where there is no stone
    board      Board: / ..... / ..... / o.... / x.x..      the rows, the top one first, a line each
    moves      Moves: 113               all moves so far; none at the start
    both       the board, then the moves

`columns` is the default: a column is one token of the game's own vocabulary, so a prompt takes half
the tokens of a drawn board, and nothing has to be worked out from a list of moves.
"""

import functools

from pipeline.connect_four.board import GameBoard, Position

NOTATIONS = ("columns", "board", "moves", "both")
EMPTY = "."
OWN, OTHER = "x", "o"
ILLEGAL = -1  # the column of a reply that names none with room


def described(board: GameBoard, position: Position, moves: str, notation: str) -> str:
    """The user's message.

    Args:
        board: its size.
        position: of one game, in Python's integers.
        moves: that led to it, each the digit of its column.
        notation: of NOTATIONS.
    """
    columns = stacks(board, position)
    if notation == "columns":
        return f"Columns: {' '.join(word or EMPTY for word in columns)}"
    played = f"Moves: {moves or 'none'}"
    if notation == "moves":
        return played
    drawn = drawing(columns, board.height)
    return f"Board:\n{drawn}" if notation == "board" else f"Board:\n{drawn}\n{played}"


def stacks(board: GameBoard, position: Position) -> list[str]:
    """Each column's stones from the bottom up; "" where there is none."""
    known, size = _stacks(board), board.height + 1
    key = board.key(position)
    return [known[key >> (column * size) & ((1 << size) - 1)] for column in range(board.width)]


def drawing(columns: list[str], height: int) -> str:
    """The rows of a board, the top one first, from its columns' stones."""
    rows = range(height - 1, -1, -1)
    full = [word.ljust(height, EMPTY) for word in columns]
    return "\n".join("".join(word[row] for word in full) for row in rows)


def column_of(reply: str, board: GameBoard) -> int:
    """The column, from 0, that a reply names; ILLEGAL where it is no such digit alone."""
    said = reply.strip()
    if len(said) == 1 and said.isascii() and said.isdigit() and 1 <= int(said) <= board.width:
        return int(said) - 1
    return ILLEGAL


def words(board: GameBoard, notation: str) -> list[str]:
    """What should be one token each in a vocabulary of the game alone."""
    named = {"columns": ["Columns"], "board": ["Board"], "moves": ["Moves", " none"]}
    known = named.get(notation, [*named["board"], *named["moves"]])
    if notation == "columns":
        known += [f" {word or EMPTY}" for word in _stacks(board)[1:]]
    return known


@functools.lru_cache(maxsize=8)
def _stacks(board: GameBoard) -> list[str]:
    """By a column's bits in a key: its stones from the bottom up."""
    found = ["", ""]
    for bits in range(2, 1 << (board.height + 1)):
        stones = range(bits.bit_length() - 1)
        found.append("".join(OWN if bits >> stone & 1 else OTHER for stone in stones))
    return found
