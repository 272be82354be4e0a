"""Columns of line numbers beside code whose markup doesn't say that they are.

The segmenter removes line numbers by their class. Here the rest: a block of consecutive whole
numbers, as many as the code directly after it has lines; and rows of a table of which each has a
number and a line of code. Numbers that are data are beside something other than code, below a
header, or another count.
"""

import re

import numpy as np

from pipeline.extract.segment import FLAG, Segments

PRE = np.uint64(FLAG["pre"])
CODE = np.uint64(FLAG["pre"] | FLAG["code"])
NUMBERS = re.compile(r"\s*\d{1,6}(?:[.:]?\s+\d{1,6})*[.:]?\s*", re.ASCII)
NUMBER = re.compile(r"\d+", re.ASCII)
SIGNS_OF_CODE = re.compile(r"[=(){}\[\];<>]|^[ \t]+\S", re.MULTILINE)
EMPTY_LINES = 3  # at the end of code, which extraction leaves out and a gutter counts
ROWS = 3  # of a number and a line of code each: so many or more are not a table of data


def without_gutters(segments: Segments, rows: np.ndarray) -> np.ndarray:
    """The rows (of kept blocks, in order) without those that are only line numbers."""
    table = segments.table
    flags = table["flags"][rows]
    bare = (table["letters"][rows] == 0) & (table["digits"][rows] > 0)
    followed = np.append((flags[1:] & CODE) != 0, False)
    starts = np.flatnonzero(bare & followed).tolist()
    if not starts:
        return rows
    gutter = np.zeros(len(rows), bool)
    for at in starts:
        gutter[at] = _counts_lines(segments, int(rows[at]), int(rows[at + 1]))
    for first, end in _numbered_lines(segments, rows, starts):
        gutter[first:end:2] = True
    return rows[~gutter]


def _numbers(text: str) -> list[int]:
    """The consecutive whole numbers of a text; empty if it has anything else."""
    if not NUMBERS.fullmatch(text):
        return []
    found = [int(number) for number in NUMBER.findall(text)]
    return found if found == list(range(found[0], found[0] + len(found))) else []


def _counts_lines(segments: Segments, row: int, code: int) -> bool:
    block = segments.table[row]
    if block["table"] >= 0 and (block["row"] > 0 or block["place"] > 0):
        return False  # samples of input and output below their header, and the like
    numbers, text = _numbers(segments.texts[row]), segments.texts[code]
    lines = text.count("\n") + 1
    return (
        len(numbers) > 1
        and lines <= len(numbers) <= lines + EMPTY_LINES
        and SIGNS_OF_CODE.search(text) is not None
    )


def _numbered_lines(
    segments: Segments, rows: np.ndarray, starts: list[int]
) -> list[tuple[int, int]]:
    """Stretches of the rows in which numbers and lines of code, cell by cell, take turns."""
    table = segments.table
    lines: list[int] = []  # indices in `rows` of numbers that belong to a line
    found: list[tuple[int, int]] = []
    expected = None
    for at in [*starts, -1]:
        number = _line_number(segments, rows, at) if at >= 0 else None
        goes_on = lines and number is not None and at == lines[-1] + 2 and number == expected
        if goes_on and table["table"][rows[at]] == table["table"][rows[lines[-1]]]:
            lines.append(at)
        else:
            if len(lines) >= ROWS:
                found.append((lines[0], lines[-1] + 1))
            lines = [] if number is None else [at]
        expected = None if number is None else number + 1
    return found


def _line_number(segments: Segments, rows: np.ndarray, at: int) -> int | None:
    number, code = segments.table[rows[at]], segments.table[rows[at + 1]]
    same_row = number["table"] >= 0 and all(number[n] == code[n] for n in ("table", "row"))
    if not same_row or number["place"] != 0 or not code["flags"] & PRE or code["line_breaks"]:
        return None
    found = _numbers(segments.texts[rows[at]])
    return found[0] if len(found) == 1 else None
