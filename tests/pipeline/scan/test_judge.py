"""From a record to its signals: what the extraction marks reaches the rules."""

import dataclasses

import pytest

from pipeline.crawl.warc import Record
from pipeline.decision import dropped, failed
from pipeline.extract import extract as extraction
from pipeline.extract.extract import Extraction
from pipeline.scan.config import ScanConfig
from pipeline.scan.judge import Judge

CODE = "def area(r):\n    return {r: 1}"
FORMULA = "$a_{1}$"


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(ScanConfig())


def response(text: str) -> Record:
    body = f"<html><body><p>{text}</p></body></html>".encode()
    content = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    headers = {"content-type": "application/http; msgtype=response"}
    url, date = "http://a.example/p", "2024-05-18T03:10:00Z"
    return Record(0, 0, "response", url, date, headers, len(content), content)


def test_spans_of_the_extraction_reach_c4_s_rules(judge, prose, monkeypatch):
    text = f"\ud800 is no letter, it says here.\n{prose('page')}\n{CODE}\nwith {FORMULA} in it"

    def found(html, url, config, segments):
        spans = [(text.index(piece), text.index(piece) + len(piece)) for piece in (CODE, FORMULA)]
        return Extraction(text, 0.9, "blocks", (spans[0],), (spans[1],))

    monkeypatch.setattr(extraction, "extract", found)
    judged = judge.record("w", response(prose("page")))
    assert judged.kept
    assert judged.text == text.replace("\ud800", "?")
    assert judged.signals["curly_bracket_lines"] == 0
    assert judged.signals["curly_bracket_lines_anywhere"] == 2
    assert judged.signals["extraction_confidence"] == 0.9


def test_without_spans_code_is_lines_like_others(judge, prose, monkeypatch):
    text = f"{prose('page')}\n{CODE}"
    monkeypatch.setattr(extraction, "extract", lambda *_: Extraction(text, 0.9, "trafilatura"))
    judged = judge.record("w", response(prose("page")))
    assert judged.text == f"{prose('page')}\nreturn {{r: 1}}"
    assert judged.signals["curly_bracket_lines"] == 1


def test_a_page_that_went_with_its_record_s_length_is_an_error(judge):
    whole = response("")
    content = whole.content.split(b"<html>")[0]
    empty = dataclasses.replace(whole, content=content)
    judged = judge.record("w", empty)
    assert judged.decision == dropped("read", "empty")
    judged = judge.record("w", dataclasses.replace(empty, detail="9 bytes less than its length"))
    told = "9 bytes less than its length"
    assert judged.decision == failed("read", "broken_record", detail=told)
