"""A sample of the public cases of HTML parsing: the text that the standard's tree or tokens hold.

The whole set is tests/benchmarks/html5lib_cases.py's; docs/html.md has the figures.
"""

import json
from pathlib import Path

import pytest

from tests.benchmarks.html5lib_cases import Case, difference, lines_of, tree, walk

SAMPLE = Path(__file__).parent / "html5lib" / "sample.jsonl"
ROWS = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()[1:]]


@pytest.mark.parametrize("file", sorted({row["name"].partition(":")[0] for row in ROWS}))
def test_sample(file):
    wrong = {}
    for row in ROWS:
        if row["name"].partition(":")[0] == file:
            fields = dict(row, lines=tuple(map(tuple, row["lines"])) if "lines" in row else None)
            if problem := difference(Case(**fields)):
                wrong[row["name"]] = problem
    assert not wrong


def test_a_dump_becomes_its_lines():
    dump = (
        '| <html>\n|   <head>\n|     <title>\n|       "no"\n|   <body>\n|     class="x"\n'
        '|     "a\nb"\n|     <p>\n|       "c"\n|       <!-- d -->\n|       <svg svg>\n'
        '|         "e"\n|       <pre>\n|         "f\ng"\n|     <template>\n|       content\n'
        '|         "h"'
    )
    found = "".join(walk(tree(dump), frozenset(("p", "pre"))))
    assert lines_of(found) == ("a b", "c", "f", "g")


def test_a_wrong_result_is_told():
    right = Case("x", "<title>t</title><p>a<p>b", title="t", lines=(("a", "b"),))
    assert not difference(right)
    assert difference(Case("x", "<p>a<p>b", lines=(("ab",),)))
    assert difference(Case("x", "<title>t</title>", title="u"))
    assert difference(Case("x", "a&amp;b", characters="ab"))
    assert difference(Case("x", "<meta name=description content=a>", description="b"))
