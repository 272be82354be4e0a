"""A part without its pages' text: for who may not keep what people wrote once the corpus is made.

Signals, signatures and the ledger stay, so that other thresholds still cost no second pass; whoever
needs the text (assembly, a learned model) needs the part made again from its WARC.
"""

import shutil
from pathlib import Path

import pyarrow as pa

from pipeline.scan.stage import GROUP_ROWS, TEXT_FILE, ScanStatistics
from storage.manifest import MANIFEST, file_names
from storage.tables import streamed, write_tables

DROPPED = "dropped"  # what the statistics of such a part say of its `raw_text`


def statistics_without(statistics: ScanStatistics) -> ScanStatistics:
    """The statistics of a part once its text is dropped."""
    return {**statistics, "raw_files": [], "raw_text": DROPPED}


def is_dropped(statistics: ScanStatistics) -> bool:
    """Whether a part of these statistics has lost its text."""
    return statistics.get("raw_text") == DROPPED


def without_text(part: Path, out: Path) -> None:
    """Copy a part's files to the folder `out`, the text of its pages as null."""
    for name in file_names(part):
        if name not in (MANIFEST, TEXT_FILE):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(part / name, out / name)
    with streamed(part / TEXT_FILE) as pages:
        schema = pages.schema_arrow
        index, field = schema.get_field_index("text"), schema.field("text")
        kept = [name for name in schema.names if name != "text"]
        tables = (
            pa.Table.from_batches([batch]).add_column(
                index, field, pa.nulls(batch.num_rows, field.type)
            )
            for batch in pages.iter_batches(columns=kept)
        )
        write_tables(tables, schema, out / TEXT_FILE, GROUP_ROWS["pages"])
