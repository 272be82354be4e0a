"""The pass over one WARC file: every record to a ledger row, every page to its signals.

In: one WARC, ARC or WET file and a `ScanConfig`. Out: the ledger (outcome `kept`: passed the
gates and was measured), pages with all signals, their MinHash signatures, and `read.json` with the
number of records the reader gave, against which the ledger is checked when parts are joined, and
with the bytes of the file, all of which it accounts for. Rows depend on the file and the config
alone: not on workers, batches, kills or, but for rows that say so, on what else the machine does.
"""

import functools
import time
from collections import Counter
from pathlib import Path
from typing import NotRequired, TypedDict

import pyarrow.compute as pc

from pipeline.config import to_dict
from pipeline.crawl.account import ByteCounts, add_up, check_bytes
from pipeline.scan.batches import schemas
from pipeline.scan.config import ScanConfig
from pipeline.scan.judge import Judge
from pipeline.scan.read_summary import ReadSummary, write_summary
from pipeline.scan.second_try import TIME_DEPENDENT
from pipeline.scan.supervisor import read_file
from pipeline.stage import Progress, Stage
from storage.errors import UserError
from storage.file_hashes import unchanged
from storage.tables import write_tables


class ScanInputs(TypedDict):
    """One file: WARC, ARC or WET."""

    warc: list[Path]


class ScanStatistics(ByteCounts):
    """Of a part: a `scan` artifact."""

    warc: str  # name of the file
    warc_bytes: int  # its size, compressed
    records: int  # that were read: kept + dropped + errors
    kept: int  # pages that passed the gates and were measured
    dropped: int
    errors: int
    time_dependent: int  # of the errors, those that a quicker machine might not have
    truncated_records: int  # that the crawler cut short
    text_bytes: int  # UTF-8, of the pages' text
    raw_files: list[str]  # that hold personal data as crawled
    raw_text: NotRequired[str]  # that the text was dropped since; see pipeline.scan.raw_text


TEXT_FILE = "pages.parquet"  # the pages as crawled, personal data and all
# of pages and signatures: text makes rows large
GROUP_ROWS = {"ledger": 50_000, "pages": 4_096, "signatures": 50_000}


def build(
    out: Path,
    inputs: ScanInputs,
    config: ScanConfig,
    progress: Progress,
    scratch: Path,
) -> ScanStatistics:
    """Write the part of one WARC file; see the module's head."""
    path = one_file(inputs["warc"])
    size = path.stat().st_size
    started = time.monotonic()

    def report(records: int, kept: int, offset: int) -> None:
        rate = round(records / max(1e-9, time.monotonic() - started), 1)
        numbers = {"records": records, "kept": kept, "records_per_second": rate}
        progress.update(offset, size, "bytes", **numbers)

    with unchanged({path: None}):
        batches = read_file(path, _judge(config), scratch, report)
        counted = add_up(batch.counted for batch in batches)
        check_bytes(path.name, size, counted)
    outcomes: Counter[str] = Counter()
    text_bytes = time_dependent = 0
    for name, schema in schemas(config.minhash).items():
        tables = (batch.table(name) for batch in batches)
        write_tables(tables, schema, out / f"{name}.parquet", GROUP_ROWS[name])
    for batch in batches:
        ledger = batch.table("ledger")
        outcomes.update(ledger["outcome"].to_pylist())
        undecided = pc.match_substring(ledger["detail"], TIME_DEPENDENT)
        time_dependent += (
            pc.sum(pc.and_(undecided, pc.equal(ledger["outcome"], "error"))).as_py() or 0
        )
        text_bytes += pc.sum(pc.binary_length(batch.table("pages")["text"])).as_py() or 0
    records = sum(batch.records for batch in batches)
    report(records, outcomes["kept"], size)
    minhash = to_dict(config.minhash)
    summary: ReadSummary = {
        **counted,
        "warc": path.name,
        "bytes": size,
        "records": records,
        "minhash": minhash,
    }
    write_summary(out, summary)
    return {
        "warc": path.name,
        "warc_bytes": size,
        "record_bytes": counted["record_bytes"],
        "unreadable_bytes": counted["unreadable_bytes"],
        "padding_bytes": counted["padding_bytes"],
        "records": records,
        "kept": outcomes["kept"],
        "dropped": outcomes["dropped"],
        "errors": outcomes["error"],
        "time_dependent": time_dependent,
        "truncated_records": sum(batch.truncated for batch in batches),
        "text_bytes": text_bytes,
        "raw_files": [TEXT_FILE],
    }


def one_file(paths: list[Path]) -> Path:
    """The input file.

    Raises:
        UserError: there is not exactly one, or it is no file.
    """
    if len(paths) != 1:
        raise UserError(f"a scan is made from one WARC file, not from {len(paths)}")
    if not paths[0].is_file():
        raise UserError(f"no such file: {paths[0]}")
    return paths[0]


@functools.lru_cache(maxsize=1)
def _judge(config: ScanConfig) -> Judge:
    return Judge(config)


def preload(config: ScanConfig) -> None:
    """Load what every file takes, and what the first page would load."""
    _judge(config).warm_up()


STAGE = Stage(
    "scan",
    6,
    ScanConfig,
    build,
    preload,
    data=(
        "url-lists",
        "public-suffixes",
        "block-classifier",
        "trafilatura-settings",
        "paragraph-stop-words",
        "language-model",
        "language-table",
        "toxicity-words",
        "unicode",
    ),
)
