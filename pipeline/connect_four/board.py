"""Connect four on bits: positions of one game or of many at once, their moves, who has won.

A column takes height + 1 bits, the lowest row first; the bit above the top row stays empty. A
position is two sets of bits: the stones of the side to move, and the stones of both. Python's
integers hold one game, numpy's uint64 arrays as many as they have elements, by the same code.

Source: the bits are John Tromp's, as Pascal Pons explains them (blog.gamesolver.org).
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline import ranges

MOST_BITS = 62  # of a position: sums of two stay within 64
MOST_COLUMNS = 9  # a column is named by one digit

Bits = Any  # int, or an array of uint64
Keys = npt.NDArray[np.uint64]


class Position(NamedTuple):
    """A position, or many; who moves is told by the number of stones."""

    stones: Bits  # of the side to move
    mask: Bits  # of both sides


START = Position(0, 0)


@dataclasses.dataclass(frozen=True)
class GameBoard:
    """The board's size and how many stones in a line win. 5 x 4 is a draw."""

    width: int = 5  # columns
    height: int = 4  # rows
    connect: int = 4

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="width height", at_least={"connect": 2})
        bits = self.width * (self.height + 1)
        ranges.refuse(
            self,
            (self.width > MOST_COLUMNS, f"width: {self.width} is above {MOST_COLUMNS}"),
            (
                bits > MOST_BITS,
                f"height: {self.width} columns of {self.height} + 1 bits are {bits}, above"
                f" {MOST_BITS}",
            ),
            (
                self.connect > max(self.width, self.height),
                f"connect: {self.connect} stones fit in no line of {self.width} x {self.height}",
            ),
        )

    @property
    def cells(self) -> int:
        """The most stones."""
        return self.width * self.height

    @functools.cached_property
    def bottom(self) -> int:
        """The lowest cell of every column."""
        return sum(1 << column * (self.height + 1) for column in range(self.width))

    def is_open(self, mask: Bits, column: int) -> Any:
        """Whether there is room in a column."""
        return (mask & (1 << column * (self.height + 1) + self.height - 1)) == 0

    def play(self, position: Position, column: int) -> Position:
        """The position after a move into a column that has room; the other side moves then."""
        first = column * (self.height + 1)
        cells = ((1 << self.height) - 1) << first
        stone = (position.mask + (1 << first)) & cells  # the carry ends at the lowest empty cell
        return Position(position.stones ^ position.mask, position.mask | stone)

    def is_lost(self, position: Position) -> Any:
        """Whether the other side, which has just moved, has its line."""
        other = position.stones ^ position.mask
        up, right = 1, self.height + 1
        lines = []
        for step in (up, right, right - 1, right + 1):
            run = other
            for place in range(1, self.connect):
                run = run & (other >> place * step)
            lines.append(run)
        return (lines[0] | lines[1] | lines[2] | lines[3]) != 0

    def is_full(self, position: Position) -> Any:
        """Whether no column has room."""
        tops = self.bottom << self.height - 1
        return (position.mask & tops) == tops

    def legal(self, mask: Bits) -> npt.NDArray[np.bool_]:
        """[games, columns] where there is room."""
        columns = [np.atleast_1d(self.is_open(mask, column)) for column in range(self.width)]
        return np.stack(columns, axis=-1)

    def key(self, position: Position) -> Bits:
        """A number that no other position has: a mark above each column's stones, own ones set."""
        return position.stones + position.mask + self.bottom

    def position(self, keys: Keys) -> Position:
        """The inverse of `key`, of many."""
        size = self.height + 1
        below = np.zeros(1 << size, dtype=np.uint64)  # by a column's bits: those under its mark
        for value in range(1, 1 << size):
            below[value] = (1 << value.bit_length() - 1) - 1
        mask = np.zeros_like(keys)
        for column in range(self.width):
            bits = (keys >> (column * size)) & ((1 << size) - 1)
            mask |= below[bits.astype(np.intp)] << (column * size)
        return Position(keys - mask - self.bottom, mask)

    def after(self, moves: str) -> Position:
        """The position after moves, each the digit of its column, from 1.

        Raises:
            ValueError: a move isn't legal, or follows the end of the game.
        """
        position = START
        for at, digit in enumerate(moves):
            column = int(digit) - 1 if digit.isascii() and digit.isdigit() else -1
            if not 0 <= column < self.width or not self.is_open(position.mask, column):
                raise ValueError(f"move {at + 1} of {moves}: no room in column {digit}")
            if self.is_lost(position):
                raise ValueError(f"move {at + 1} of {moves}: the game is over")
            position = self.play(position, column)
        return position
