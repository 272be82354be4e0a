"""Second copies of a page in itself go, whatever repeats on purpose stays."""

import numpy as np
import pytest

from pipeline.extract.render import render
from pipeline.extract.segment import segment

LONG = (
    "This long paragraph has words enough that nobody would write it twice on purpose, is it not?"
)
LONG = f"{LONG} And so on it goes."
OTHER = LONG.replace("long", "other")


def lines(html: str) -> list[str]:
    found = segment(html)
    return render(found, np.ones(len(found.texts), bool)).text.split("\n")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # a rendering for print, for small screens: with its short lines
        (
            f"<div><h2>H</h2><p>{LONG}<p>a<ul><li>b</ul></div>"
            f"<div><h2>H</h2><p>{LONG}<p>a<ul><li>b</ul></div><p>c",
            ["H", LONG, "a", "- b", "c"],
        ),
        # the neighbours that differ stay, and what stands behind them
        (f"<p>x<p>{LONG}<p>a<p>b<p>y<p>{LONG}<p>a<p>z<p>b", ["x", LONG, "a", "b", "y", "z", "b"]),
        # three copies, and two of others between them
        (
            f"<p>{LONG}<p>a<p>{OTHER}<p>a<p>{LONG}<p>a<p>{OTHER}<p>a<p>{LONG}<p>b",
            [LONG, "a", OTHER, "a", "b"],
        ),
        # next to itself; short lines alone are a refrain
        (f"<p>a<p>{LONG}<p>{LONG}<p>a", ["a", LONG, "a"]),
        ("<p>la la<p>one<p>la la<p>two<p>la la", ["la la", "one", "la la", "two", "la la"]),
        # code may repeat, but not as a part of a copy
        (f"<pre>{LONG}</pre><p>a<pre>{LONG}</pre><p>a", [LONG, "a", LONG, "a"]),
        (f"<p>{LONG}<pre>x = 1</pre><p>{LONG}<pre>x = 1</pre>", [LONG, "x = 1"]),
        # the columns of one table have their own values
        (
            f"<table><tr><td>1<td>{LONG}<td>yes<tr><td>2<td>{LONG}<td>yes</table>",
            ["| 1 | " + LONG + " | yes |", "| 2 |  | yes |"],
        ),
    ],
)
def test_copies(html, expected):
    assert lines(html) == expected


def test_many_copies_take_no_longer():
    page = f"<p>{LONG}<p>a<p>b" * 20_000
    assert lines(page) == [LONG, "a", "b"]
