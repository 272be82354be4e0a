"""What the lake knows of a URL, as `storage.explain` finds it: the types alone, JSON-ready."""

from typing import Any, TypedDict


class StoredDocument(TypedDict):
    """A page as its part has it, kept or not."""

    host: str
    dump: str
    date: str
    language: str
    language_score: float
    text: str


class ClusterMembership(TypedDict):
    """A document among its duplicates."""

    cluster: str
    kept: bool
    size: int  # documents
    keeper: str | None  # its id
    keeper_url: str | None


class CorpusDocument(TypedDict):
    """A document as the corpus has it."""

    text: str  # without personal data
    split: str
    pii: dict[str, int]  # replacements by kind


class WarcFile(TypedDict):
    """The file that a record was read from."""

    warc_path: str | None  # None where it is not on this machine
    warc_sha256: str | None


class LedgerRow(TypedDict):
    """A row of `storage.schemas.LEDGER`, and the corpus's group that it stands in."""

    warc: str
    offset: int
    url: str
    record_type: str
    outcome: str
    stage: str
    rule: str
    value: float | None
    threshold: float | None
    detail: str
    id: str
    artifact: str


class RecordFacts(WarcFile):
    """What became of a record, as far as is known."""

    signals: dict[str, Any] | None  # by name, of every page that passed the gates
    document: StoredDocument | None
    cluster: ClusterMembership | None
    corpus: CorpusDocument | None
    duplicate_of: str | None  # the URL that was kept instead


class ExplainedRecord(LedgerRow, RecordFacts):
    """A ledger row with what became of its document."""


class Explanation(TypedDict):
    """All records of one URL."""

    url: str
    records: list[ExplainedRecord]
