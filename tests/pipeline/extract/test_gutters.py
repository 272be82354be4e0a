"""Line numbers that no class names go, numbers that are data stay."""

import numpy as np
import pytest

from pipeline.extract.render import render
from pipeline.extract.segment import segment

CODE = "def f(x):\n    y = x + 1\n    return y"


def text(html: str) -> str:
    found = segment(html)
    return render(found, np.ones(len(found.texts), bool)).text


def table(gutter: str, code: str = f"<pre>{CODE}</pre>") -> str:
    return f"<table><tr><td>{gutter}</td><td>{code}</td></tr></table>"


def rows(*cells: tuple[str, str]) -> str:
    return "<table>" + "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in cells) + "</table>"


@pytest.mark.parametrize(
    "html",
    [
        table("<pre>1\n2\n3</pre>"),
        table("1<br>2<br>3"),
        table("1\n2\n3"),
        table("<pre>1\n2\n3\n4</pre>"),  # an empty line at the code's end
        table("<code>7.<br>8.<br>9.</code>"),
        table(
            "1\n2\n3",
            "<code>def f(x):<br>&nbsp;&nbsp;&nbsp; y = x + 1<br>&nbsp;&nbsp;&nbsp; return y</code>",
        ),
        f"<div style='float:left'><pre>1\n2\n3</pre></div><div><pre>{CODE}</pre></div>",
        rows(*((str(n), f"<pre>{line}</pre>") for n, line in enumerate(CODE.split("\n"), 1))),
        rows(*((str(n), f"<pre>{line}</pre>") for n, line in enumerate(CODE.split("\n"), 97))),
    ],
)
def test_line_numbers_go(html):
    assert text(f"<p>a{html}<p>b") == f"a\n{CODE}\nb"


@pytest.mark.parametrize(
    "html",
    [
        "<pre>1\n2\n3</pre><p>a",
        table("<pre>1\n2</pre>"),  # not as many as there are lines
        table("<pre>1\n2\n3\n4\n5\n6\n7</pre>"),
        table("<pre>1\n2\n4</pre>"),
        table("<pre>1\n2\n3 files</pre>"),
        table("<pre>1\n2\n3</pre>", "<pre>YES\nNO\nYES</pre>"),  # samples of a task
        table("<pre>1\n2\n3</pre>", "<p>one<p>two"),
        # below a head a number is a cell's value
        f"<table><tr><th>In<th>Out<tr><td><pre>1\n2\n3</pre><td><pre>{CODE}</pre></table>",
        rows(("1", "<pre>ls</pre>"), ("2", "<pre>cd ..</pre>")),
        rows(("1", "<pre>a</pre>"), ("2", "<pre>b</pre>"), ("4", "<pre>c</pre>")),
        rows(("1", "<pre>a</pre>"), ("2", "<pre>b\nc</pre>"), ("3", "<pre>c</pre>")),
        rows(("1", "a"), ("2", "b"), ("3", "c")),
    ],
)
def test_other_numbers_stay(html):
    found = segment(html)
    kept = text(html)
    assert all(part in kept for block in found.texts for part in block.split("\n"))


def test_the_code_s_place_is_told():
    found = segment("<p>a" + table("1\n2\n3"))
    rendered = render(found, np.ones(len(found.texts), bool))
    assert [rendered.text[first:end] for first, end in rendered.code] == [CODE]
