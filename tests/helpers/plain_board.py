"""Connect four as anyone would write it first: lists of lists, one game, no bits."""

import numpy as np

from pipeline.connect_four.board import GameBoard

Cells = list[list[str]]  # by column, from the bottom up


def columns(moves: str, width: int) -> Cells:
    """What lies on the board after some moves: "x" of who began, "o" of the other."""
    found: Cells = [[] for _ in range(width)]
    for ply, digit in enumerate(moves):
        found[int(digit) - 1].append("xo"[ply % 2])
    return found


def has_line(board: Cells, stone: str, height: int, connect: int) -> bool:
    """Whether a side has so many in a line."""

    def at(column: int, row: int) -> str:
        inside = 0 <= column < len(board) and 0 <= row < len(board[column])
        return board[column][row] if inside else ""

    return any(
        all(at(c + k * dc, r + k * dr) == stone for k in range(connect))
        for c in range(len(board))
        for r in range(height)
        for dc, dr in ((1, 0), (0, 1), (1, 1), (1, -1))
    )


def ended(moves: str, width: int, height: int, connect: int) -> str:
    """How a game stands: won (by who moved last), full, or "" where it goes on."""
    board = columns(moves, width)
    if moves and has_line(board, "xo"[(len(moves) - 1) % 2], height, connect):
        return "won"
    return "full" if len(moves) == width * height else ""


def legal(moves: str, width: int, height: int) -> list[str]:
    """The columns with room."""
    counts = [len(column) for column in columns(moves, width)]
    return [str(number + 1) for number, count in enumerate(counts) if count < height]


def minimax(
    moves: str, width: int, height: int, connect: int, known: dict[tuple[str, ...], int]
) -> int:
    """The score of the side to move, as pipeline.connect_four.solution defines it, by brute force.

    Args:
        moves: so far.
        width, height, connect: of the board.
        known: is filled with every position's score, by its columns.
    """
    key = tuple("".join(column) for column in columns(moves, width))
    if key in known:
        return known[key]
    state = ended(moves, width, height, connect)
    if state == "won":
        score = -(width * height + 1 - len(moves))
    elif state == "full":
        score = 0
    else:
        score = max(
            -minimax(moves + move, width, height, connect, known)
            for move in legal(moves, width, height)
        )
    known[key] = score
    return score


def random_lines(count: int, board: GameBoard, seed: int = 5) -> list[str]:
    """Moves of games under way, of all lengths."""
    rng = np.random.default_rng(seed)
    size = (board.width, board.height)
    lines: list[str] = []
    while len(lines) < count:
        moves, plies = "", rng.integers(0, board.cells)
        while len(moves) < plies and not ended(moves, *size, board.connect):
            moves += rng.choice(legal(moves, *size))
        if not ended(moves, *size, board.connect):
            lines.append(moves)
    return lines
