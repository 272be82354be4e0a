"""Main text, the same whatever came before; a hostile page costs its own row only."""

import dataclasses
import time

import pytest

from pipeline.extract import extract_text
from pipeline.extract.config import ExtractConfig
from pipeline.extract.process import Extractor

PARAGRAPHS = [
    f"Paragraph number {number} tells at some length of the harbour, its {number} boats and the "
    "weather on the day on which they came home from the sea."
    for number in range(8)
]
# A child whose extractor hangs in C, crashes or eats memory when the page says so.
HOSTILE = """
import os, re
import pipeline.extract.extract as extract
original = extract.main_text
def main_text(html, url, config):
    if "STALL" in html:
        re.match("(a+)+$", "a" * 60 + "b")
    if "CRASH" in html:
        os.kill(os.getpid(), 11)
    if "HUNGRY" in html:
        bytearray(10**12)
    if "RAISE" in html:
        raise KeyError("odd page")
    if "PRINT" in html:
        print("a library's stray line", flush=True)
    return original(html, url, config)
extract.main_text = main_text
from pipeline.extract.child import main
main()
"""


@pytest.fixture(scope="module")
def hostile():
    config = ExtractConfig(timeout_seconds=3.0)
    with Extractor(config, ("-c", HOSTILE)) as extractor:
        yield extractor


def test_furniture_goes_and_main_text_stays(make_page):
    text = extract_text(make_page("\n".join(PARAGRAPHS)), "http://harbour.example/")
    assert all(paragraph in text for paragraph in PARAGRAPHS)
    assert "Privacy" not in text
    assert extract_text(b"") == ""
    assert extract_text(b"\0\xff<") == ""


def test_text_depends_on_the_page_alone(make_page):
    page = make_page("\n".join(PARAGRAPHS))
    first = extract_text(page)
    assert first
    # trafilatura's own memory drops a segment the third or fourth time it is seen in a process
    assert [extract_text(page) for _ in range(6)] == [first] * 6


def test_an_xml_declaration_does_not_hide_a_page(make_page):
    page = make_page("\n".join(PARAGRAPHS))
    declared = b'<?xml version="1.0" encoding="iso-8859-1"?>\n' + page
    assert extract_text(declared) == extract_text(page)


def test_the_process_gives_the_same_text(hostile, make_page):
    page = make_page("\n".join([*PARAGRAPHS, "Größe und Süße des Boots."]))
    for html in (page, page.decode().encode("cp1252")):
        found = hostile.extract(html, "", "http://harbour.example/")
        assert found.text == extract_text(html)
        assert "Größe" in found.text
        assert found.problem == ""


@pytest.mark.parametrize(
    ("word", "problem"),
    [("CRASH", "crash"), ("HUNGRY", "memory"), ("RAISE", "extractor_error"), ("STALL", "timeout")],
)
def test_a_hostile_page_ends_as_its_own_problem(hostile, make_page, word, problem):
    before = time.monotonic()
    found = hostile.extract(make_page(word), "", "http://bad.example/")
    assert (found.problem, found.text) == (problem, "")
    assert time.monotonic() - before < 60
    if problem == "timeout":
        assert found.value == found.threshold == 3.0
    if problem == "extractor_error":
        assert "KeyError" in found.detail
    good = hostile.extract(make_page("\n".join(PARAGRAPHS)), "", "http://good.example/")
    assert good.text
    assert good.problem == ""


def test_stray_prints_do_not_break_the_frames(hostile, make_page):
    page = make_page("\n".join(["PRINT this, please, if you can read it at all.", *PARAGRAPHS]))
    assert "PRINT" in hostile.extract(page, "", "http://a.example/").text


def test_deep_and_huge_pages_do_not_end_the_pass(hostile):
    deep = b"<html><body>" + b"<div>" * 100_000 + b"deep" + b"</div>" * 100_000
    nested = b"<b><i><p>" * 30_000 + b"text"
    for html in (deep, nested, b"<" * 1_000_000, b"<table>" * 20_000):
        found = hostile.extract(html, "", "http://deep.example/")
        assert found.problem in ("", "timeout", "crash", "memory", "extractor_error")
    assert hostile.extract(b"<html><body><p>ok</p></body></html>", "", "").problem == ""


def test_the_process_is_recycled_without_a_trace(make_page):
    config = dataclasses.replace(ExtractConfig(), recycle_pages=2)
    page = make_page("\n".join(PARAGRAPHS))
    with Extractor(config) as extractor:
        texts = {extractor.extract(page, "utf-8", "http://a.example/").text for _ in range(3)}
    assert texts == {extract_text(page)}
