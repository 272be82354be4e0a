"""Addresses with fields, and the pages of a list."""

from urllib.parse import parse_qs, urlsplit

from injection_strings import INJECTIONS

from pipeline.serve.pages.addresses import MOST_PAGES, address, paged


def test_fields_that_say_something() -> None:
    assert address("/a", b="", c=None) == "/a"
    assert address("/a", b=0, c="x&y") == "/a?b=0&c=x%26y"
    for text in INJECTIONS:
        made = address("/a", url=text)
        assert parse_qs(urlsplit(made).query) == {"url": [text]}
        assert not {*made} & {*"<>\"' \n"}


def test_neighbours_of_a_page() -> None:
    rows, piece = paged([1, 2, 3], 2, 1, "/a", b="x")
    assert (rows, piece) == ([1, 2], (1, None, "/a?b=x&page=2"))
    rows, piece = paged([1, 2], 2, 2, "/a", b="x")
    assert (rows, piece) == ([1, 2], (2, "/a?b=x", None))
    assert paged([1, 2, 3], 2, 3, "/a")[1] == (3, "/a?page=2", "/a?page=4")
    assert paged([1, 2, 3], 2, MOST_PAGES, "/a")[1].later is None
