"""Why one page was kept or dropped: its record is read and measured again, rule by rule.

In: the WARC file and the place and URL of a ledger row, or stored signals. Out: the row as the pass
over the WARC gives it (selection and dedup come later), every signal, the page's text on its way;
and what each rule of a selection says of the signals.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from pipeline.corpus.config import SelectConfig
from pipeline.corpus.select import filters_of
from pipeline.crawl.warc import read_record
from pipeline.filters.decide import threshold_of
from pipeline.scan.config import ScanConfig
from pipeline.scan.judge import Judge


class ReplayedRecord(TypedDict):
    """A record that was read and judged once more."""

    row: dict[str, Any]  # of the ledger
    date: str
    language: str
    language_score: float | None
    signals: dict[str, Any]  # by name
    plain: str  # the page's text, all of it
    extracted: str  # the main text
    text: str  # what C4's line rules left of it


class RuleVerdict(TypedDict):
    """What one rule of the selection says of a page."""

    stage: str
    rule: str
    signal: str
    value: float | None  # None where the signal is not stored with the page
    must_be: str  # at least, at most
    threshold: float | None
    drops: bool


def explain(path: Path, offset: int, url: str, config: ScanConfig) -> ReplayedRecord:
    """Read one record of a WARC again and judge it.

    Args:
        path: the WARC's.
        offset: the record's.
        url: that the record must have.
        config: of the scan.
    """
    record = read_record(path, offset, url, config.limits)
    judged = Judge(config).record(path.name, record)
    return {
        "row": judged.ledger_row(path.name, record),
        "date": record.date,
        "language": judged.language,
        "language_score": judged.language_score,
        "signals": dict(judged.signals),
        "plain": judged.plain,
        "extracted": judged.extracted,
        "text": judged.text,
    }


def explain_rules(
    signals: Mapping[str, Any], language: str, config: SelectConfig
) -> list[RuleVerdict]:
    """What every rule of the selection says of a page.

    Args:
        signals: by name, and the language's score.
        language: the page's.
        config: of the selection.
    """
    wanted = config.language.languages
    known = {**signals, "unwanted_language": float(bool(wanted) and language not in wanted)}
    rows: list[RuleVerdict] = []
    for filter_ in filters_of(language, config, float("nan")):
        if filter_.config is None:
            continue
        for rule in filter_.rules:
            value, threshold = known.get(rule.signal), threshold_of(rule, filter_.config)
            below = rule.side == "below"
            beyond = value is not None and (value < threshold if below else value > threshold)
            rows.append(
                {
                    "stage": filter_.stage,
                    "rule": rule.name,
                    "signal": rule.signal,
                    "value": value,
                    "must_be": "at least" if below else "at most",
                    "threshold": None if threshold != threshold else threshold,
                    "drops": beyond,
                }
            )
    return rows
