"""Kept blocks to text, as trafilatura writes it: a line a paragraph, one newline between blocks.

List items begin with "- " or their number, indented by depth; code keeps its lines; a table of data
becomes rows "| a | b |", a table that only lays out a page becomes lines. A cell that spans columns
or rows is written once, and the places that it covers are left empty, so that all cells stand in
their own column; sections stand in the order of display, head before bodies before foot. A long
block that repeats an earlier one (a second rendering for small screens) is left out.
"""

import dataclasses
import itertools

import numpy as np

from pipeline.extract.segment import FLAG, KINDS, TAGS, Segments

REPEAT_CHARACTERS = 100  # shorter blocks may repeat: a refrain, a table's cells
CELL_CHARACTERS = 400  # a cell with more in it is part of a layout
MAX_INDENTATION = 8  # levels: beyond it is a page's fault, or its intent to harm
ORDERED = TAGS.index("ol")
HEADER_CELL = TAGS.index("th")
BULLET = KINDS.index("bullet")
DIGIT = KINDS.index("digit")
ITEM = np.uint64(FLAG["first_of_item"])
PRE = np.uint64(FLAG["pre"])
IN_CELL = np.uint64(FLAG["cell"] | FLAG["table_header"])
NO_CELL = np.uint64(FLAG["pre"] | FLAG["heading"] | FLAG["list"])


Span = tuple[int, int]  # of characters: first, behind the last
Place = tuple[int, int]  # of a block's text: output line, characters before it there


@dataclasses.dataclass(frozen=True)
class Rendered:
    """Text, and where in it code blocks and formulas stand, in order."""

    text: str
    code: tuple[Span, ...] = ()
    formulas: tuple[Span, ...] = ()


def render(segments: Segments, keep: np.ndarray) -> Rendered:
    """The text of the blocks whose `keep` is true."""
    flags = segments.table["flags"]
    rows = _first_of_equals(segments.table, np.flatnonzero(keep))
    lines = [segments.texts[row] for row in rows.tolist()]
    items = np.flatnonzero(flags[rows] & ITEM)
    before = [0] * len(lines)
    if len(items):
        for index, marker in zip(items.tolist(), _markers(segments.table[rows[items]])):
            lines[index] = marker + lines[index]
            before[index] = len(marker)
    places: list[Place] | None = None
    if (flags[rows] & IN_CELL).any():
        lines, places = _with_tables(lines, segments.table[rows])
    text = "\n".join(lines)
    code = (flags[rows] & PRE) != 0
    if not code.any() and not len(segments.formulas):
        return Rendered(text)
    starts = np.cumsum([0] + [len(line) + 1 for line in lines])
    if places is None:
        starts = starts[:-1]
    else:
        starts = starts[[line for line, _ in places]] + np.array([at for _, at in places], int)
    starts = starts + np.array(before, int)
    ends = starts + segments.table["characters"][rows]
    return Rendered(
        text,
        tuple(zip(starts[code].tolist(), ends[code].tolist())),
        _formulas(segments.formulas, rows, starts),
    )


def _formulas(formulas: np.ndarray, rows: np.ndarray, starts: np.ndarray) -> tuple[Span, ...]:
    """The kept formulas' places in the text; `starts` are those of the kept rows' texts."""
    index = np.searchsorted(rows, formulas[:, 0])
    index = np.where(index < len(rows), index, 0)
    kept = rows[index] == formulas[:, 0] if len(rows) else np.zeros(len(formulas), bool)
    begin = starts[index[kept]]
    found = np.stack([begin + formulas[kept, 1], begin + formulas[kept, 2]], axis=1).astype(int)
    return tuple((first, last) for first, last in sorted(found.tolist()))


def _first_of_equals(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows without the long blocks that repeat an earlier one's words; code may repeat."""
    long = (table["characters"][rows] >= REPEAT_CHARACTERS) & (table["flags"][rows] & PRE == 0)
    candidates = np.flatnonzero(long)
    _, first = np.unique(table["text_hash"][rows[candidates]], return_index=True)
    if len(first) == len(candidates):
        return rows
    return np.delete(rows, np.delete(candidates, first))


def _markers(items: np.ndarray) -> list[str]:
    """What stands before the items' first lines; nothing if the page's author wrote it there."""
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


def _with_tables(lines: list[str], table: np.ndarray) -> tuple[list[str], list[Place]]:
    """The lines with those of each table of data put into its rows, and where each has gone."""
    result: list[str] = []
    places: list[Place] = []
    number = np.where(table["flags"] & IN_CELL != 0, table["table"], -1)
    columns = _columns_of_data(table, number)
    starts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lines)]
    for start, end in itertools.pairwise(starts):
        width = columns.get(int(number[start]))
        if width is None:
            places += [(len(result) + index, 0) for index in range(end - start)]
            result += lines[start:end]
        else:
            rows, inside = _table_rows(lines[start:end], table[start:end], width)
            places += [(len(result) + line, at) for line, at in inside]
            result += rows
    return result, places


def _columns_of_data(table: np.ndarray, number: np.ndarray) -> dict[int, np.ndarray]:
    """The columns in which anything stands, of each table that holds data."""
    found = {}
    order = np.argsort(number, kind="stable")
    tables, starts = np.unique(number[order], return_index=True)
    for which, start, end in zip(tables.tolist(), starts, [*starts[1:], len(order)]):
        cells = table[order[start:end]]
        if which >= 0 and len(cells) >= 4 and _holds_data(cells):
            found[which] = np.unique(cells["place"])
    return found


def _holds_data(cells: np.ndarray) -> bool:
    """At least two rows with two cells, all short and without a structure of their own."""
    if (cells["flags"] & NO_CELL).any() or cells["characters"].max() > CELL_CHARACTERS:
        return False
    places = np.unique(np.stack([cells["row"], cells["column"]]), axis=1)
    if 2 * places.shape[1] < len(cells):
        return False  # more than two blocks a cell
    _, cells_of_row = np.unique(places[0], return_counts=True)
    width = max(int(places[1].max()) + 1, len(np.unique(cells["place"])))
    if len(cells_of_row) * width > 8 * len(cells):
        return False  # mostly empty
    return int((cells_of_row >= 2).sum()) >= 2


def _table_rows(
    lines: list[str], cells: np.ndarray, columns: np.ndarray
) -> tuple[list[str], list[Place]]:
    """Rows in the order of display, and where each cell's text stands: row and offset."""
    names = ("section", "row", "tag")
    rows: dict[tuple[int, int], list[list[int]]] = {}
    header = True  # all cells of the first row are <th>
    column = np.searchsorted(columns, cells["place"]).tolist()
    keys = list(zip(*(cells[name].tolist() for name in names)))
    for index, (section, row, _) in enumerate(keys):
        key = (section, row)
        rows.setdefault(key, [[] for _ in columns])[column[index]].append(index)
    result: list[str] = []
    places: list[Place] = [(0, 0)] * len(lines)
    for key in sorted(rows):
        text = "| "
        for cell in rows[key]:
            for count, index in enumerate(cell):
                text += " " * (count > 0)
                places[index] = (len(result) + (header and len(result) > 0), len(text))
                text += lines[index].replace("\n", " ")
                header = header and (len(result) > 0 or keys[index][2] == HEADER_CELL)
            text += " | "
        result.append(text[:-1])
    if header:
        result.insert(1, "|" + "---|" * len(columns))
    return result, places
