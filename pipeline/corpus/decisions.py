"""What the filters and dedup made of each page of a group's parts, before its text is looked at."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.corpus.duplicate_tables import dropped_file
from pipeline.corpus.read import by_part, selected_counts, selections
from pipeline.decision import COLUMNS, DECIDED, Decision, dropped


@dataclasses.dataclass
class DecidedPart:
    """One part on its way: its decisions, still to be changed by what becomes of its texts."""

    folder: Path
    decided: pa.Table  # id and COLUMNS, a row for each of its pages
    drops: dict[int, Decision] = dataclasses.field(default_factory=dict)  # by row of the pages
    left: list[str] = dataclasses.field(default_factory=list)  # ids that no other replaces


def decisions(
    parts: list[Path], selection: Path, duplicates: Path, group: int
) -> Iterator[DecidedPart]:
    """Each part of a group with what the filters and dedup decided on its pages."""
    selected_counts(selection, len(parts))
    chosen = selections(selection, ["id", *COLUMNS])
    copies = by_part(duplicates / dropped_file(group), len(parts), ["id", "rule", "keeper"])
    for folder, rows, gone in zip(parts, chosen, copies, strict=True):
        positions = pc.index_in(rows["id"].combine_chunks(), gone["id"].combine_chunks())
        is_gone = pc.is_valid(positions)
        was_kept = pc.equal(rows.filter(is_gone)["outcome"], "kept").to_pylist()
        if len(was_kept) != gone.num_rows or not all(was_kept):
            raise RuntimeError(f"{duplicates} was made from another selection of {folder}")
        gone = gone.take(positions.drop_null())
        alike = {
            name: [value] * gone.num_rows for name, value in dropped("dedup", "").row().items()
        }
        columns = {**alike, "rule": gone["rule"], "detail": gone["keeper"]}
        yield DecidedPart(folder, replaced(rows, is_gone, pa.table(columns, schema=DECIDED)))


def replaced(rows: pa.Table, mask: pa.Array, decided: pa.Table) -> pa.Table:
    """The rows with the decision columns of those in the mask taken from `decided`, in order."""
    for name in COLUMNS:
        column = rows[name].combine_chunks()
        values = decided[name].combine_chunks()
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, pc.replace_with_mask(column, mask, values))
    return rows
