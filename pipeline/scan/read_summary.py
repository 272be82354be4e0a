"""read.json of a part: what the reader said of the file, against which the ledger is checked."""

import json
from pathlib import Path
from typing import Any

from pipeline.crawl.account import ByteCounts

SUMMARY_FILE = "read.json"


class ReadSummary(ByteCounts):
    """Of one WARC file."""

    warc: str  # its name
    bytes: int  # its size
    records: int  # that the reader gave
    minhash: dict[str, Any]  # the MinhashConfig of the signatures, as a table


def write_summary(part: Path, summary: ReadSummary) -> None:
    """Leave it in the folder of a part."""
    (part / SUMMARY_FILE).write_text(json.dumps(summary, sort_keys=True) + "\n")


def read_summaries(parts: list[Path]) -> list[ReadSummary]:
    """Those of some parts, in their order."""
    return [json.loads((part / SUMMARY_FILE).read_text()) for part in parts]
