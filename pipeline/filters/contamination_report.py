"""The report of what decontamination found in documents: a row for each example.

By itself, because the excerpts need the rules for personal data, and their packages; the index of
evaluation sets needs neither.
"""

from typing import TypedDict

import pyarrow as pa

from pipeline.filters.decontamination import Contamination
from pipeline.filters.pii import PiiConfig, excerpt

REPORT = pa.schema(
    [
        ("id", pa.string()),  # of the document
        ("url", pa.string()),
        ("benchmark", pa.string()),  # file name
        ("example", pa.int64()),  # row in that file, from 0
        ("matched_ngrams", pa.int64()),  # positions in the document
        ("action", pa.string()),  # drop, cut or report: what became of the document
        ("excerpt", pa.string()),  # the first match, personal data replaced
    ]
)


class ContaminationRow(TypedDict):
    """A row of REPORT."""

    id: str
    url: str
    benchmark: str
    example: int
    matched_ngrams: int
    action: str
    excerpt: str


_EXCERPT_CHARACTERS = 200


def report_rows(
    id: str, url: str, text: str, found: Contamination, action: str, pii: PiiConfig
) -> list[ContaminationRow]:
    """Rows of REPORT: one for each example found in the document."""
    start, end = found.spans[0]
    shown = excerpt(text, start, min(end, start + _EXCERPT_CHARACTERS), pii)
    return [
        {
            "id": id,
            "url": url,
            "benchmark": match.benchmark,
            "example": match.example,
            "matched_ngrams": match.ngrams,
            "action": action,
            "excerpt": shown,
        }
        for match in found.matches
    ]
