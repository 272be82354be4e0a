"""Kept blocks to text, as trafilatura writes it: a line a paragraph, one newline between blocks.

List items begin with "- " or their number, indented by depth; code keeps its lines; a table of data
becomes rows "| a | b |", a table that only lays out a page becomes lines. A long block that repeats
an earlier one (a second rendering for small screens) is left out.
"""

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


def render(segments: Segments, keep: np.ndarray) -> str:
    """The text of the blocks whose `keep` is true."""
    flags = segments.table["flags"]
    rows = _first_of_equals(segments.table, np.flatnonzero(keep))
    lines = [segments.texts[row] for row in rows.tolist()]
    items = np.flatnonzero(flags[rows] & ITEM)
    if len(items):
        for index, marker in zip(items.tolist(), _markers(segments.table[rows[items]])):
            lines[index] = marker + lines[index]
    if (flags[rows] & IN_CELL).any():
        lines = _with_tables(lines, segments.table[rows])
    return "\n".join(lines)


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


def _with_tables(lines: list[str], table: np.ndarray) -> list[str]:
    """The lines with those of each table of data put into its rows."""
    result: list[str] = []
    number = np.where(table["flags"] & IN_CELL != 0, table["table"], -1)
    starts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lines)]
    for start, end in itertools.pairwise(starts):
        cells = table[start:end]
        if number[start] >= 0 and end - start >= 4 and _holds_data(cells):
            result += _table_rows(lines[start:end], cells)
        else:
            result += lines[start:end]
    return result


def _holds_data(cells: np.ndarray) -> bool:
    """At least two rows with two cells, all short and without a structure of their own."""
    if (cells["flags"] & NO_CELL).any() or cells["characters"].max() > CELL_CHARACTERS:
        return False
    places = np.unique(np.stack([cells["row"], cells["column"]]), axis=1)
    if 2 * places.shape[1] < len(cells):
        return False  # more than two blocks a cell
    _, cells_of_row = np.unique(places[0], return_counts=True)
    if len(cells_of_row) * (int(places[1].max()) + 1) > 8 * len(cells):
        return False  # mostly empty
    return int((cells_of_row >= 2).sum()) >= 2


def _table_rows(lines: list[str], cells: np.ndarray) -> list[str]:
    width = int(cells["column"].max()) + 1
    rows: dict[int, list[str]] = {}
    header = True  # all cells of the first row are <th>
    places = zip(lines, cells["row"].tolist(), cells["column"].tolist(), cells["tag"].tolist())
    for line, row, column, tag in places:
        content = rows.setdefault(row, [""] * width)
        content[column] = f"{content[column]} {line}".strip().replace("\n", " ")
        header = header and (len(rows) > 1 or tag == HEADER_CELL)
    result = ["| " + " | ".join(content) + " |" for content in rows.values()]
    if header:
        result.insert(1, "|" + "---|" * width)
    return result
