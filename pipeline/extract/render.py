"""Kept blocks to text, as trafilatura writes it: a line a paragraph, one newline between blocks.

List items begin with "- " or their number, indented by depth; code keeps its lines; a table of data
becomes rows "| a | b |", a table that is only layout becomes lines. A cell that spans columns or
rows is written once, and the cells that it covers are left empty, so that all cells are in their
own column; sections are in the order of display, head before bodies before foot. Second copies
(repeats.py) and line numbers (gutters.py) are left out.
"""

import dataclasses
import itertools

import numpy as np

from pipeline.extract.gutters import CODE, without_gutters
from pipeline.extract.repeats import without_repeats
from pipeline.extract.segment import FLAG, KINDS, TAGS, Segments

CELL_CHARACTERS = 400  # a cell with more is part of a layout
MAX_INDENTATION = 8  # levels; more is an error or an attack
ORDERED = TAGS.index("ol")
HEADER_CELL = TAGS.index("th")
BULLET = KINDS.index("bullet")
DIGIT = KINDS.index("digit")
ITEM = np.uint64(FLAG["first_of_item"])
PRE = np.uint64(FLAG["pre"])
IN_CELL = np.uint64(FLAG["cell"] | FLAG["table_header"])
NO_CELL = np.uint64(FLAG["pre"] | FLAG["heading"] | FLAG["list"])


Span = tuple[int, int]  # of characters: the first, and the one after the last
Position = tuple[int, int]  # of a block's text: output line, characters before it in that line


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A text with the spans of its code blocks and formulas, in order."""

    text: str
    code: tuple[Span, ...] = ()
    formulas: tuple[Span, ...] = ()


def render(segments: Segments, keep: np.ndarray) -> Rendered:
    """The text of the blocks whose `keep` ([blocks] bool) is true."""
    rows = without_repeats(segments.table, keep.nonzero()[0])
    flags = segments.table["flags"][rows]
    if (flags & CODE).any():
        rows = without_gutters(segments, rows)
        flags = segments.table["flags"][rows]
    lines = [segments.texts[row] for row in rows.tolist()]
    items = (flags & ITEM).nonzero()[0]
    before = [0] * len(lines)
    if len(items):
        for index, marker in zip(items.tolist(), _markers(segments.table[rows[items]])):
            lines[index] = marker + lines[index]
            before[index] = len(marker)
    positions: list[Position] | None = None
    if (flags & IN_CELL).any():
        lines, positions = _with_tables(lines, segments.table[rows])
    text = "\n".join(lines)
    code = (flags & PRE).nonzero()[0].tolist()
    if not code and not len(segments.formulas):
        return Rendered(text)
    starts = list(itertools.accumulate((len(line) + 1 for line in lines), initial=0))
    if positions is not None:
        starts = [starts[line] + at for line, at in positions]
    spans = ((starts[index], len(segments.texts[rows[index]])) for index in code)
    return Rendered(
        text,
        tuple((first, first + length) for first, length in spans),  # no marker before code
        _formulas(segments.formulas, rows, starts, before) if len(segments.formulas) else (),
    )


def _formulas(
    formulas: np.ndarray, rows: np.ndarray, starts: list[int], before: list[int]
) -> tuple[Span, ...]:
    """The kept formulas' spans in the text; `starts` are the positions of the kept rows' lines."""
    index_of = {row: index for index, row in enumerate(rows.tolist())}
    found = []
    for row, first, last in formulas.tolist():
        index = index_of.get(row)
        if index is not None:
            start = starts[index] + before[index]
            found.append((start + first, start + last))
    return tuple(sorted(found))


def _markers(items: np.ndarray) -> list[str]:
    """The markers before the items' first lines; none if the page's author wrote one."""
    columns = ("list_depth", "item", "starts", "list_tag")
    markers = []
    layout = (items["heading_level"] > 0) | (items["flags"] & PRE != 0) | (items["list_depth"] == 0)
    for depth, number, starts, list_tag, bare in zip(
        *(items[column].tolist() for column in columns), layout.tolist()
    ):
        ordered = list_tag == ORDERED
        marked = starts == (DIGIT if ordered else BULLET)
        marker = "" if marked else f"{number}. " if ordered else "- "
        markers.append("" if bare else "  " * min(depth - 1, MAX_INDENTATION) + marker)
    return markers


def _with_tables(lines: list[str], table: np.ndarray) -> tuple[list[str], list[Position]]:
    """The lines, those of each table of data joined to rows, and the new position of each line."""
    number = np.where(table["flags"] & IN_CELL != 0, table["table"], -1)
    starts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lines)]
    # A table around others is in several pieces, which share their columns.
    pieces: dict[int, list[tuple[int, int]]] = {}
    for start, end in itertools.pairwise(starts):
        pieces.setdefault(int(number[start]), []).append((start, end))
    columns = {which: _columns(table, spans) for which, spans in pieces.items() if which >= 0}
    result: list[str] = []
    positions: list[Position] = []
    for start, end in itertools.pairwise(starts):
        width = columns.get(int(number[start]))
        if width:
            rows, inside = _table_rows(lines[start:end], table[start:end], width)
            positions += [(len(result) + line, at) for line, at in inside]
            result += rows
        else:
            positions += [(line, 0) for line in range(len(result), len(result) + end - start)]
            result += lines[start:end]
    return result, positions


def _columns(table: np.ndarray, pieces: list[tuple[int, int]]) -> dict[int, int]:
    """The columns that are not empty, numbered, if the pieces' cells are data."""
    start, end = pieces[0]
    cells = table[start:end]
    if len(pieces) > 1:
        cells = np.concatenate([table[start:end] for start, end in pieces])
    if len(cells) < 4 or not _holds_data(cells):
        return {}
    return {place: index for index, place in enumerate(sorted(set(cells["place"].tolist())))}


def _holds_data(cells: np.ndarray) -> bool:
    """Whether there are two rows or more with two cells, all short and without inner structure."""
    if (cells["flags"] & NO_CELL).any() or cells["characters"].max() > CELL_CHARACTERS:
        return False
    positions = np.unique(np.stack([cells["row"], cells["column"]]), axis=1)
    if 2 * positions.shape[1] < len(cells):
        return False  # more than two blocks a cell
    _, cells_of_row = np.unique(positions[0], return_counts=True)
    width = int(positions[1].max()) + 1
    if len(cells_of_row) * width > 8 * len(cells):
        return False  # mostly empty
    return int((cells_of_row >= 2).sum()) >= 2


def _table_rows(
    lines: list[str], cells: np.ndarray, columns: dict[int, int]
) -> tuple[list[str], list[Position]]:
    """Rows in the order of display, and the position of each line: its row and offset in it."""
    rows: dict[tuple[int, int], list[str]] = {}
    inside: list[tuple[tuple[int, int], int, int]] = []
    heads: dict[tuple[int, int], bool] = {}  # whether all of a row's cells are <th>
    names = ("section", "row", "place", "tag")
    for line, section, row, place, tag in zip(lines, *(cells[name].tolist() for name in names)):
        key, column = (section, row), columns[place]
        if key not in rows:
            rows[key] = [""] * len(columns)
            heads[key] = True
        content = rows[key]
        before = len(content[column]) + 1 if content[column] else 0
        content[column] += (" " if before else "") + line.replace("\n", " ")
        inside.append((key, column, before))
        heads[key] &= tag == HEADER_CELL
    order = sorted(rows)
    header = heads[order[0]]
    result = ["| " + " | ".join(rows[key]) + " |" for key in order]
    if header:
        result.insert(1, "|" + "---|" * len(columns))
    number = {key: index + (header and index > 0) for index, key in enumerate(order)}
    positions = [
        (number[key], 2 + sum(map(len, rows[key][:column])) + 3 * column + before)
        for key, column, before in inside
    ]
    return result, positions
