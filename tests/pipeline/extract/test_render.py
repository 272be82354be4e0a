"""Kept blocks to text: lines, list items, code and tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract.render import render
from pipeline.extract.segment import segment

LONG = "This long paragraph has words enough that nobody would write it twice on purpose, " * 2


def text(html: str, left_out: str = "") -> str:
    found = segment(html)
    return render(found, np.array([block != left_out for block in found.texts], bool)).text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", ""),
        ("<h1>Title</h1><p>One.<p>Two<br>lines.", "Title\nOne.\nTwo\nlines."),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n  - c\nd"),
        ("<ol><li>a<li><p>b</p><p>c</p></ol>", "1. a\n2. b\nc"),
        ("<ol start=3><li>a<li>b<li value=9>c<li value=x>d</ol>", "3. a\n4. b\n9. c\n10. d"),
        ("<ol reversed><li>a<li>b<p>c</p><li>d</ol>", "3. a\n2. b\nc\n1. d"),
        ("<ol reversed start=9><li>a<li>b</ol><ol><li>c</ol>", "9. a\n8. b\n1. c"),
        (
            "<ol reversed><li>a<ol><li>b<li>c</ol><li>d<table><tr><td><ol><li>e</ol></table></ol>",
            "2. a\n  1. b\n  2. c\n1. d\n1. e",
        ),
        # no second marker, none for layouts made of lists
        ("<ul><li>• a<li>- b<li><h3>c</h3>d</ul><ol><li>1. e</ol>", "• a\n- b\nc\nd\n1. e"),
        ("<ul><li>x<ul><li><pre>  a\n   b</pre><li><h3>c</h3></ul></ul>", "- x\n  a\n   b\nc"),
        ("<li>a", "a"),
        ("<pre>if a:\n    b\n\nc</pre>", "if a:\n    b\n\nc"),
        # a table of data becomes rows
        (
            "<table><caption>T</caption><tr><th>a<th>b<tr><td>1<td>2<tr><td>3<td>4</table>",
            "T\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        ),
        (
            "<table><tr><td>a<td>b<tr><td><td>4 <p>5<br>6</table>x",
            "a\nb\n4\n5\n6\nx",  # one full row only
        ),
        (
            "<table><tr><td>a<td>b<tr><td><td>4<tr><td>5<td>6<p>7<br>8</table>x",
            "| a | b |\n|  | 4 |\n| 5 | 6 7 8 |\nx",
        ),
        # a table, rows and cells by role or by style
        (
            "<div role=table><div role=row><span role=columnheader>Port</span>"
            "<span role=columnheader>Ships</span></div><div role=row><span role=rowheader>N</span>"
            "<span role=cell>12</span></div></div>x",
            "| Port | Ships |\n| N | 12 |\nx",
        ),
        (
            "<div style='display:table'><p style='display: table-row'>"
            "<span style='display:table-cell'>a</span><span style='display:table-cell'>b</span></p>"
            "<p style='display: table-row'><b style='display:table-cell'>c</b>"
            "<b style='display:table-cell'>d</b></p></div>",
            "| a | b |\n| c | d |",
        ),
        ("<p>a <span role=cell>b</span><span role=row>c</span>", "a\nb\nc"),
        # tables that only lay out
        (f"<table><tr><td>a<td>{LONG * 3}<tr><td>b<td>c</table>", f"a\n{LONG.strip()}\nb\nc"),
        ("<table><tr><td>a<td><h2>b</h2><tr><td>c<td>d</table>", "a\nb\nc\nd"),
        ("<table><tr><td>a<tr><td>b<tr><td>c<tr><td>d</table>", "a\nb\nc\nd"),
        # a long text once, code and short lines as often as they stand there
        (f"<p>{LONG}<p>x<p>{LONG}<p>y<p>x", f"{LONG.strip()}\nx\ny\nx"),
        (f"<pre>{LONG}</pre><pre>{LONG}</pre>", f"{LONG.rstrip()}\n{LONG.rstrip()}"),
    ],
)
def test_render(html, expected):
    if LONG * 3 in html:
        expected = expected.replace(LONG.strip(), (LONG * 3).strip())
    assert text(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # a cell that spans rows or columns: what it covers is left empty
        (
            "<table><tr><th>Year<th>Ship<th>Cargo<tr><td rowspan=2>1901<td>Alba<td>coal"
            "<tr><td>Bruna<td>salt</table>",
            "| Year | Ship | Cargo |\n|---|---|---|\n| 1901 | Alba | coal |\n|  | Bruna | salt |",
        ),
        (
            "<table><tr><th rowspan=2>Port<th colspan=2>Ships<tr><th>1900<th>1910"
            "<tr><td>North<td>12<td>19</table>",
            "| Port | Ships |  |\n|---|---|---|\n|  | 1900 | 1910 |\n| North | 12 | 19 |",
        ),
        # columns in which nothing stands are left out
        (
            "<table><tr><td colspan=9>a<td>b<tr><td colspan=9>c<td>d</table>",
            "| a | b |\n| c | d |",
        ),
        # sections in the order of display
        (
            "<table><tfoot><tr><td>sum<td>9<thead><tr><th>what<th>how much<tbody><tr><td>x<td>9"
            "</table>",
            "| what | how much |\n|---|---|\n| x | 9 |\n| sum | 9 |",
        ),
        # a table in a table's cell stands between its rows, and both keep their columns
        (
            "<table><tr><td>a<td>b<td>c<tr><td>d<td>e<table><tr><td>1<td>2<tr><td>3<td>4</table>"
            "<td>f<tr><td>g<td>h<td>i</table>",
            "| a | b | c |\n| d | e |  |\n| 1 | 2 |\n| 3 | 4 |\n|  |  | f |\n| g | h | i |",
        ),
    ],
)
def test_cells_keep_their_columns(html, expected):
    assert text(html) == expected


FORMULA = "<math alttext='{}'></math>"


def test_where_code_and_formulas_stand():
    html = (
        f"<p>ä {FORMULA.format('x')} b<ul><li>{FORMULA.format('y')}</ul><pre>a\n  b</pre><table>"
        f"<tr><td>1<td>2 {FORMULA.format('z')}<tr><td>3<td>{FORMULA.format('w')}"
        f"<p>{FORMULA.format('v')}"
        "</table><pre>left out</pre><p>c<pre>d</pre>"
    )
    found = segment(html)
    result = render(found, np.array([block != "left out" for block in found.texts]))
    assert [result.text[first:end] for first, end in result.code] == ["a\n  b", "d"]
    formulas = [result.text[first:end] for first, end in result.formulas]
    assert formulas == ["$x$", "$y$", "$z$", "$w$", "$v$"]
    assert result.text.endswith("| 1 | 2 $z$ |\n| 3 | $w$ $v$ |\nc\nd")


def test_only_what_is_kept():
    html = "<p>a<p>b<table><tr><td>1<td>2<tr><td>3<td>4<tr><td>5<td>6</table>"
    assert text(html, "b") == "a\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |"
    assert text(html, "3") == "a\nb\n| 1 | 2 |\n|  | 4 |\n| 5 | 6 |"


def test_hostile_tables_and_lists_stay_small():
    wide = "<tr>" + "<td>x" * 20_000 + "<tr><td>x<td>y" * 20_000
    assert len(text(f"<table>{wide}</table>")) < 1_000_000
    assert len(text("<ul><li>x" * 400 + "<li>y" * 10_000)) < 1_000_000


PIECES = ["<td rowspan=2>", "<td colspan=3>", "<math alttext=x></math>", "<tfoot>"]
PIECES += ["<td>", "<tr>", "<li>", "<ul>", "</ul>", "<p>", "<pre>", "<table>", "a ", "b"]


@given(st.lists(st.sampled_from(PIECES)))
def test_every_kept_word_comes_back_in_order(parts):
    found = segment("<table>" + "".join(f"{part}w{i}" for i, part in enumerate(parts)))
    words = [word for block in found.texts for word in block.split()]
    rendered = render(found, np.ones(len(found.texts), bool))
    result = rendered.text
    assert {result[first:end] for first, end in rendered.formulas} <= {"$x$"}
    assert len(rendered.formulas) == result.count("$x$")
    for first, end in rendered.code:
        assert result[first:end] in found.texts
    kept = [word for word in result.split() if word.lstrip("ab").startswith("w")]
    words = [word for word in words if word.lstrip("ab").startswith("w")]
    assert kept == words if "<tfoot>" not in parts else sorted(kept) == sorted(words)
