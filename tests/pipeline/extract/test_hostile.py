"""Hostile pages: whatever stands in them, an answer comes, within the limits, and is the same."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract.decode import decode
from pipeline.extract.extract import extract, extract_text, plain_text
from pipeline.extract.render import render
from pipeline.extract.segment import BLOCK, CONTAINER, TAGS, Segments, segment

MB = 1_000_000


def fill(part: str, size: int = 2 * MB) -> str:
    return part * (size // len(part))


# Each would cost a careless parser time that grows with the square of its length, or its stack.
HOSTILE = {
    "one line": fill("word ", 50 * MB),
    "nothing but <": fill("<"),
    "ampersands": fill("&am"),
    "100,000 deep": "<div>" * 100_000 + "deep" + "</div>" * 100_000,
    "formatting over blocks": fill("<b><p>") + "x",
    "end tags that find nothing": "<div>" + "<span>" * 600 + fill("</div>"),
    "attributes": "<p " + fill("a=b ") + ">x",
    "a million classes": "<p " + fill("class=article-content ") + ">x",
    "open quotes": fill('<a b="'),
    "open comments": fill("<!--"),
    "dashes": "<!--" + fill("-"),
    "open scripts": fill("<script>"),
    "open CDATA": "<?xml?>" + fill("<![CDATA["),
    "open formulas": fill("<math>"),
    "formulas": fill("<math>x</math>"),
    "nested tables": fill("<table><tr><td>x"),
    "cells": "<table><tr>" + fill("<td>x"),
    "nested lists": fill("<ul><li>x"),
    "styles": '<i style="' + fill("d i s p l a y : ") + '">x',
    "line breaks": fill("x<br>"),
    "lines of code": "<pre>" + fill("<div>x</div>"),
    "NUL": fill("\0"),
    "lone surrogates": fill("a\ud800"),
    "white space": fill(" \n"),
    "nested MathML": "<math>" + fill("<mrow>") + "</math>",
    "MathML": "<math>" + fill("<msup><mi>x</mi><mn>2</mn></msup>") + "</math>",
    "table spans": "<table><tr><td rowspan=65534 colspan=1000>x" + fill("<tr><td>y"),
    "nested spans": fill("<table><tr><td rowspan=2 colspan=300>x"),
    "scripts": fill("x<sup>2"),
    "line numbers": "<pre>" + fill("<b class=lineno>1</b>"),
    "nested line numbers": fill("<div class=gutter>1"),
    "renderings": fill("<i class=MathJax>x</i><script type=math/tex>x</script>"),
    "buttons": "<pre>" + fill("<button>x</button>y"),
    "hidden": fill("<i hidden> "),
    "indentation": fill("<br>&nbsp; "),
    "images": fill("<img class=latex alt=x>"),
    "scripts in comments": "<script><!--" + fill("<script>-"),
    "scripts in comments, ended": fill("<script><!--<script></script>--></script>x"),
    "text between rows": "x<table>" + fill("y<tr><td>z</td></tr>"),
    "tables between rows": fill("<table><tr><td>x</tr>y<tr><td>"),
    "moved blocks": "<table>" + fill("<div>x</div><tr>"),
    "svg": "<svg>" * 500 + fill("</section>"),
    "breakouts": fill("<svg><desc><math><mi><p>x"),
    "choices": "<select>" + fill("<option>x") + "</select>y",
    "ruby": "<ruby>" + fill("x<rt>y<rb>"),
    "references": "<title>" + fill("&nGt;\0") + "</title>",
    "open everything": fill("<p><a href=x><form><button><select><option><svg><q><h1><dd>x"),
}


def check(found: Segments) -> None:
    """What holds of any page's segments."""
    assert found.table.dtype == BLOCK
    assert found.containers.dtype == CONTAINER
    assert len(found.texts) == len(found.table)
    table, containers = found.table, found.containers
    assert all(text and text == text.strip("\n") for text in found.texts)
    assert [len(text) for text in found.texts] == table["characters"].tolist()
    assert (table["tag"] < len(TAGS)).all()
    assert (table["link_characters"] <= table["characters"]).all()
    assert (table["bold_characters"] <= table["characters"]).all()
    assert (table["words"] == [len(text.split()) for text in found.texts]).all()
    assert (table["container"] >= 0).all()
    assert (table["container"] < len(containers)).all()
    assert (containers["first_block"] + containers["blocks"] <= len(table)).all()
    assert (containers["parent"] < np.arange(len(containers))).all()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_come_to_an_end(name):
    found = segment(HOSTILE[name])
    assert len(found.texts) <= 200_000
    assert found.containers["depth"].max(initial=0) <= 512
    assert len(plain_text(found)) <= len(HOSTILE[name]) + 16
    assert len(render(found, np.ones(len(found.texts), bool)).text) <= 4 * len(HOSTILE[name])


def test_limits_say_that_they_were_hit():
    assert segment("<div>" * 600 + "x").capped == ("depth",)
    assert segment("<div>" * 500 + "x").capped == ()
    many = segment("<p>x" * 100, max_blocks=10)
    assert many.capped == ("blocks",)
    assert many.texts == ["x"] * 10
    deep = segment("<div>" * 600 + "<p>a</p><p>b</p>" + "</div>" * 600 + "<p>c", max_depth=50)
    assert deep.texts == ["a", "b", "c"]
    assert deep.containers["depth"].max() <= 50


@given(st.text(st.sampled_from("<>/!-=\"'& ;#xapbdivtr\n\0\ud800é中😀"), max_size=200))
def test_any_text_is_segmented(page):
    found = segment(page)
    check(found)
    assert (np.diff(found.table["start"].astype(np.int64)) >= 0).all()  # no table, nothing moved


PARTS = "<table> <tr> <td> <div> <b> </table> </tr> </td> </div> <p> <br> <a> <svg> <pre> </p>"


@given(st.lists(st.sampled_from([*PARTS.split(), "x", " y", " "]), max_size=60))
def test_text_moved_out_of_tables_keeps_all_in_order(parts):
    found = segment("".join(parts))
    check(found)
    below = {row: {row} for row in range(len(found.containers))}
    for row in range(len(found.containers) - 1, 0, -1):
        below[int(found.containers["parent"][row])] |= below[row]
    for row, container in enumerate(found.containers):
        first, count = container["first_block"], container["blocks"]
        inside = found.table["container"][first : first + count]
        assert set(inside.tolist()) <= below[row]
        assert count == sum(block in below[row] for block in found.table["container"].tolist())


@given(st.binary(max_size=300))
def test_any_bytes_are_extracted(page):
    assert extract_text(page) == extract_text(page)


WORDS = st.text(st.characters(categories=["Ll", "Lu", "Lo"]), min_size=1, max_size=8)
PARAGRAPHS = st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), max_size=8)
BLOCKS = st.sampled_from(["p", "div", "h2", "li", "section", "td", "blockquote", "dd"])


@given(PARAGRAPHS, st.lists(BLOCKS, min_size=8, max_size=8), st.booleans())
def test_visible_text_comes_back(paragraphs, tags, closed):
    pieces = []
    for paragraph, tag in zip(paragraphs, tags):
        start = "<table><tr><td>" if tag == "td" else f"<{tag}>"
        end = "</table>" if tag == "td" else f"</{tag}>" if closed else ""
        pieces.append(start + paragraph + end)
    found = segment("<body>" + "\n".join(pieces))
    check(found)
    assert found.texts == paragraphs


def test_mutated_pages(shared_dir):
    from pipeline.crawl.limits import LimitsConfig
    from pipeline.crawl.warc import read_records

    file = sorted((shared_dir / "crawl").glob("GHP-*-00000.warc.gz"))[0]
    draw = random.Random(3)
    pages = []
    for record in read_records(file, LimitsConfig()):
        if record.record_type == "response":
            pages.append(decode(record.content.partition(b"\r\n\r\n")[2])[0])
        if len(pages) == 40:
            break
    for page in pages * 3:
        for _ in range(draw.randrange(1, 12)):
            at, size = draw.randrange(len(page) + 1), draw.randrange(200)
            insert = draw.choice(["", "<", ">", '"', "<!--", "</", "<table>", "<pre>", page[:size]])
            page = page[:at] + insert + page[at + draw.choice([0, 0, size]) :]
        found = segment(page)
        check(found)
        assert extract(page).text == extract(page, segments=found).text
