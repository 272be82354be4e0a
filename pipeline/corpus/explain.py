"""Why one page was kept or dropped: its record is read and judged again, with nothing left out.

In: the WARC file and the place and URL of a ledger row. Out: the row as the pass over the WARC
gives it (dedup comes later), every signal, the text as extracted and as the filters left it.
"""

from pathlib import Path
from typing import Any

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.page import Judge
from pipeline.crawl.warc import read_record


def explain(path: Path, offset: int, url: str, config: CorpusConfig) -> dict[str, Any]:
    """JSON-ready: row, language, language_score, signals, extracted, text."""
    record = read_record(path, offset, url, config.limits)
    with Judge(config) as judge:
        judged = judge.record(path.name, record)
    return {
        "row": judged.ledger_row(path.name, record),
        "date": record.date,
        "language": judged.language,
        "language_score": judged.language_score,
        "signals": judged.signals,
        "extracted": judged.extracted,
        "text": judged.text,
    }
