"""One record through the gates to its signals: what becomes of it in the pass over a WARC.

Cheap checks before expensive ones: type, status, MIME and size, then the URL, then length and
language of cheap plain text, and only then main text, every signal and the MinHash signature. A
gate drops for good, with wide bounds; what the filters of a recipe keep is decided later, from the
signals.
"""

import dataclasses
from collections.abc import Mapping

from pipeline.crawl.http import HttpPage, NoPage, read_page
from pipeline.crawl.warc import Record, document_id
from pipeline.crawl.wet import read_text
from pipeline.decision import KEPT, Decision, dropped, failed
from pipeline.dedup import minhash
from pipeline.extract import extract as extraction
from pipeline.extract.decode import decode, plain_utf8
from pipeline.extract.segment import segment
from pipeline.filters import languages, measure, toxicity
from pipeline.filters.language import LanguageIdentifier
from pipeline.filters.url import UrlFilter
from pipeline.scan.config import ScanConfig

DETAIL_CHARACTERS = 200


@dataclasses.dataclass
class Judgement:
    """What became of one record, and everything that was measured on the way."""

    decision: Decision = KEPT  # kept: it passed the gates and was measured
    id: str = ""  # of the document, from the gates on
    plain: str = ""  # cheap plain text
    extracted: str = ""  # main text as extracted
    text: str = ""  # after C4's line rules
    language: str = ""
    language_score: float | None = None
    signals: Mapping[str, float | int | None] = dataclasses.field(default_factory=dict)
    signature: bytes = b""

    @property
    def kept(self) -> bool:
        return self.decision.outcome == "kept"

    def decide(self, decision: Decision) -> "Judgement":
        """Set the decision, its detail shortened to what a table can hold."""
        if len(decision.detail) > DETAIL_CHARACTERS:
            detail = decision.detail[:DETAIL_CHARACTERS]
            decision = dataclasses.replace(decision, detail=detail)
        self.decision = decision
        return self

    def ledger_row(self, warc: str, record: Record) -> dict[str, object]:
        """The row of storage.schemas.LEDGER."""
        return {
            "warc": warc,
            "offset": record.offset,
            "record_type": record.record_type,
            "url": record.url,
            **self.decision.row(),
            "id": self.id,
        }


class Judge:
    """The gates and the measuring, with lists and models loaded."""

    def __init__(self, config: ScanConfig) -> None:
        self.config = config
        self._urls = UrlFilter(config.url)
        self._languages = LanguageIdentifier()

    def warm_up(self) -> None:
        """Go once through all that a page takes, so that what it loads is there."""
        text = "The harbour lay quiet in the morning and the boats had not yet come in. " * 4
        judged = Judgement()
        self._urls.check("http://a.example/")
        html = f"<html><body><article><p>{text}</p></article></body></html>".encode()
        self._main_text(HttpPage(html, ""), "http://a.example/", judged)
        judged.extracted = judged.extracted or text
        self._measure(judged, None)

    def record(self, warc: str, record: Record) -> Judgement:
        """What becomes of one record of the file named `warc`."""
        judged = Judgement()
        try:
            self._check(record)
            page = self._read(record)
        except NoPage as no:
            if no.decision.rule == "empty" and record.detail:
                # its page was lost with the record's length
                return judged.decide(failed("read", "broken_record", detail=record.detail))
            return judged.decide(no.decision)
        if ruled_out := self._urls.check(record.url):
            return judged.decide(ruled_out)
        judged.id = document_id(warc, record)
        found = self._main_text(page, record.url, judged)
        if judged.kept:
            self._measure(judged, found)
            notes = [record.detail] if record.detail else []
            if not isinstance(page, str) and page.detail:
                notes.append(page.detail)
            if cut := record.headers.get("warc-truncated"):
                notes.insert(0, f"WARC-Truncated: {cut}")
            if notes:
                judged.decide(Decision("kept", detail="; ".join(notes)))
        return judged

    def _check(self, record: Record) -> None:
        """NoPage for a record that is none at first sight."""
        most = self.config.limits.max_record_bytes
        content_type = record.headers.get("content-type", "").lower()
        is_response = record.record_type == "response"
        is_http = not content_type or "http" in content_type or record.content[:5] == b"HTTP/"
        if record.problem:
            raise NoPage(failed("read", record.problem, record.lost_bytes, None, record.detail))
        if not is_response and record.record_type != "conversion":
            raise NoPage(dropped("read", "record_type", detail=record.record_type))
        if not record.url:
            detail = "a response without WARC-Target-URI"
            raise NoPage(failed("read", "no_url", detail=detail))
        if is_response and not is_http:
            raise NoPage(dropped("read", "mime", detail=content_type))  # dns and the like
        if record.length > most:
            raise NoPage(dropped("read", "size", record.length, most))

    def _read(self, record: Record) -> HttpPage | str:
        """The page, or the plain text that a WET file has instead."""
        limits = self.config.limits
        if record.record_type == "conversion":
            return read_text(record, limits.max_html_bytes)
        return read_page(
            record.content,
            record.headers.get("warc-identified-payload-type", ""),
            limits.max_html_bytes,
            limits.max_header_bytes,
        )

    def _main_text(
        self, page: HttpPage | str, url: str, judged: Judgement
    ) -> extraction.Extraction | None:
        """Fill in plain and main text, or end the page at a gate; what the extractor found."""
        if isinstance(page, str):
            judged.plain = judged.extracted = page
            self._gate(judged)
            return None
        try:
            limits = self.config.extract
            plain = plain_utf8(page.html, page.charset)
            html = decode(page.html, page.charset)[0] if plain is None else plain
            utf8 = html if plain is None else page.html
            segments = segment(utf8, limits.max_depth, limits.max_blocks)
            judged.plain = extraction.plain_text(segments)
            if not self._gate(judged):
                return None
            found = extraction.extract(html, url, limits, segments)
        except (MemoryError, ImportError):
            raise  # faults of the process, which its supervisor handles, and of the installation
        except Exception as error:  # of whichever library below: the page's row says which
            detail = f"{type(error).__name__}: {error}"
            judged.decide(failed("extract", "extractor_error", detail=detail))
            return None
        judged.extracted = encodable(found.text)
        characters, least = len(judged.extracted.strip()), self.config.gate.min_text_characters
        if characters < least:
            rule = "min_text_characters" if characters else "no_text"
            judged.decide(dropped("extract", rule, characters, least))
        return found

    def _gate(self, judged: Judgement) -> bool:
        """Whether plain text promises anything."""
        gate = self.config.gate
        characters = len(judged.plain.strip())
        if characters < gate.min_text_characters:
            rule = "min_text_characters" if characters else "no_text"
            judged.decide(dropped("extract", rule, characters, gate.min_text_characters))
        elif foreign := self._languages.gate(judged.plain, gate.languages, gate.min_language_score):
            judged.decide(foreign)
        return judged.kept

    def _measure(self, judged: Judgement, found: extraction.Extraction | None) -> None:
        language, judged.language_score = self._languages.predict(judged.extracted)
        judged.language = language
        stop_words = languages.rules(language).stop_words
        measured = measure.measure(
            judged.extracted,
            language,
            self.config.signals,
            stop_words,
            found.code if found else (),
            found.formulas if found else (),
            toxicity.listed(language),
        )
        judged.text = measured.text
        judged.signals = {
            **measured.signals,
            **toxicity.signals_of(measured.listed, measured.word_total, measured.text, language),
            "extraction_confidence": found.confidence if found else None,
        }
        judged.signature = minhash.signature_of(judged.text, self.config.minhash)


def encodable(text: str) -> str:
    """The text, with lone surrogates (that a character reference can name) replaced, one by one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
