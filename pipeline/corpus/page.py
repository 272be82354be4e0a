"""One record through FineWeb's filters in their order, to the verdict that becomes its ledger row.

`Judge` owns what is loaded once a process (lists, language model, extracting process). The order is
the recipe's: read, URL, main text, language, repetition, quality, C4 (which takes lines out of the
text), FineWeb's rules, then the MinHash signature of what is kept.
"""

import dataclasses
from types import TracebackType

import numpy as np

from pipeline.corpus.config import CorpusConfig
from pipeline.crawl.http import NoPage, Page, read_page
from pipeline.crawl.warc import Record, document_id
from pipeline.dedup import minhash
from pipeline.extract.process import Extractor
from pipeline.filters import c4, fineweb, quality, repetition
from pipeline.filters.language import LanguageIdentifier
from pipeline.filters.url import UrlFilter
from pipeline.filters.verdict import Verdict
from pipeline.filters.words import split_words

# The stages of the ledger in the order in which a record meets them.
STAGES = (
    "read",
    "url",
    "extract",
    "language",
    "repetition",
    "quality",
    "c4",
    "fineweb",
    "dedup",
)
DETAIL_CHARACTERS = 200


@dataclasses.dataclass
class Judgement:
    """What became of one record, and everything that was measured on the way."""

    outcome: str = "kept"  # kept, dropped or error
    stage: str = ""
    rule: str = ""
    value: float | None = None
    threshold: float | None = None
    detail: str = ""
    id: str = ""  # of the document, from extraction on
    extracted: str = ""  # main text as extracted
    text: str = ""  # what the filters left of it
    language: str = ""
    language_score: float | None = None
    signals: dict[str, float | int] = dataclasses.field(default_factory=dict)
    signature: np.ndarray | None = None  # of a kept page

    def drop(self, stage: str, verdict: Verdict) -> "Judgement":
        """Dropped by a filter."""
        return self.end(
            "dropped", stage, verdict.rule, verdict.detail, verdict.value, verdict.threshold
        )

    def end(
        self,
        outcome: str,
        stage: str,
        rule: str,
        detail: str = "",
        value: float | None = None,
        threshold: float | None = None,
    ) -> "Judgement":
        """Not kept; the detail shortened to what a table can hold."""
        self.outcome, self.stage, self.rule = outcome, stage, rule
        self.detail = detail[:DETAIL_CHARACTERS]
        self.value = None if value is None else float(value)
        self.threshold = None if threshold is None else float(threshold)
        return self

    def ledger_row(self, warc: str, record: Record) -> dict[str, object]:
        """The row of storage.schemas.LEDGER."""
        return {
            "warc": warc,
            "offset": record.offset,
            "record_type": record.record_type,
            "url": record.url,
            "outcome": self.outcome,
            "stage": self.stage,
            "rule": self.rule,
            "value": self.value,
            "threshold": self.threshold,
            "detail": self.detail,
            "id": self.id,
        }


class Judge:
    """A context manager: `with Judge(config) as judge: judge.record(warc_name, record)`."""

    def __init__(self, config: CorpusConfig) -> None:
        self.config = config
        self._urls = UrlFilter(config.url)
        self._languages = LanguageIdentifier(config.language)
        self._extractor = Extractor(config.extract)

    def __enter__(self) -> "Judge":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._extractor.__exit__(kind, error, trace)

    def record(self, warc: str, record: Record) -> Judgement:
        """The verdict on one record of the file named `warc`."""
        judged = Judgement()
        page = self._read(record, judged)
        if page is None:
            return judged
        if verdict := self._urls.check(record.url):
            return judged.drop("url", verdict)
        judged.id = document_id(warc, record)
        extraction = self._extractor.extract(page.html, page.charset, record.url)
        if extraction.problem:
            return judged.end(
                "error",
                "extract",
                extraction.problem,
                extraction.detail,
                extraction.value,
                extraction.threshold,
            )
        judged.extracted = judged.text = extraction.text
        if not extraction.text.strip():
            return judged.drop("extract", Verdict("no_text"))
        self._filter(judged)
        if judged.outcome == "kept" and record.headers.get("warc-truncated"):
            judged.detail = f"WARC-Truncated: {record.headers['warc-truncated']}"[
                :DETAIL_CHARACTERS
            ]
        return judged

    def _read(self, record: Record, judged: Judgement) -> Page | None:
        limits = self.config.limits
        if record.problem:
            judged.end("error", "read", record.problem, record.detail, record.lost_bytes)
            return None
        if record.record_type != "response":
            judged.end("dropped", "read", "record_type", record.record_type)
            return None
        if not record.url:
            judged.end("error", "read", "no_url", "a response without WARC-Target-URI")
            return None
        content_type = record.headers.get("content-type", "").lower()
        if content_type and "http" not in content_type and not record.content.startswith(b"HTTP/"):
            judged.end("dropped", "read", "mime", content_type)  # dns and the like
            return None
        if record.length > limits.max_record_bytes:
            judged.end("dropped", "read", "size", "", record.length, limits.max_record_bytes)
            return None
        try:
            return read_page(
                record.content,
                record.headers.get("warc-identified-payload-type", ""),
                limits.max_html_bytes,
                limits.max_header_bytes,
            )
        except NoPage as no:
            judged.end(no.outcome, "read", no.rule, no.detail, no.value, no.threshold)
            return None

    def _filter(self, judged: Judgement) -> Judgement:
        config = self.config
        judged.language, judged.language_score, verdict = self._languages.check(judged.text)
        if verdict:
            return judged.drop("language", verdict)

        words = split_words(judged.text)
        measured = repetition.signals(judged.text, words)
        judged.signals.update(measured)
        if verdict := repetition.check(measured, config.repetition):
            return judged.drop("repetition", verdict)

        measured_quality = quality.signals(judged.text, words, config.quality)
        judged.signals.update(measured_quality)
        if verdict := quality.check(measured_quality, config.quality):
            return judged.drop("quality", verdict)

        judged.text, measured_c4, verdict = c4.clean_and_measure(judged.text, config.c4)
        judged.signals.update(measured_c4)
        if verdict:
            return judged.drop("c4", verdict)

        words = split_words(judged.text)
        measured = fineweb.signals(judged.text, words, config.fineweb)
        judged.signals.update(measured)
        if verdict := fineweb.check(measured, config.fineweb):
            return judged.drop("fineweb", verdict)
        judged.signature = minhash.signature(minhash.normalized_words(judged.text), config.minhash)
        return judged
