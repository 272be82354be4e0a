"""The article that a page's JSON-LD holds."""

import json

import pytest

from pipeline.extract.json_ld import article_body

TEXT = "The old lighthouse was built by the harbour board after three ships had been lost. " * 2


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"@type": "NewsArticle", "articleBody": TEXT}),
        json.dumps([{"@graph": [{"articleBody": "short"}, {"articleBody": TEXT}]}]),
        f'// <![CDATA[\n{{"articleBody" : "{TEXT}"}}\n// ]]>',
        f'{{"articleBody":"{TEXT}", "broken',
    ],
)
def test_the_longest_body_is_found(data):
    assert article_body(data) == TEXT


def test_escapes_and_line_breaks():
    found = article_body('{"articleBody": "a\\u00e9\\r\\n\\"b\\" &amp; c\nd' + "x" * 100 + '"}')
    assert found == 'aé\n"b" & c\nd' + "x" * 100
    assert article_body('{"articleBody": "\\x' + "y" * 100 + '"}') == "x" + "y" * 100


def test_nothing():
    assert article_body('{"articleBody": "too short"}') == ""
    assert article_body('{"name": "' + TEXT + '"}') == article_body("") == ""
    assert article_body('"articleBody": "' + "\\" * 100_001) == ""
