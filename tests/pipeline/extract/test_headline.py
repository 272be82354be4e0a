"""A page's headline: which heading it is, and what is left of a title that names the site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract.headline import headline, with_headline
from pipeline.extract.segment import segment


def page(head, body):
    return segment(f"<html><head>{head}</head><body>{body}</body></html>")


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        # the site's name is an <h1> too, and the title names the site
        (
            "<title>Storm hits the coast - Daily Paper</title>",
            "<h1>Daily Paper</h1><h2>Storm hits the coast</h2><p>Text.",
            "Storm hits the coast",
        ),
        # og:title against <title>
        (
            "<title>Daily Paper</title><meta property=og:title content='Storm hits the coast'>",
            "<h1>Daily Paper</h1><h3>Storm hits the coast</h3>",
            "Storm hits the coast",
        ),
        # the page's heading is shorter than the title; a link in the navigation repeats it
        (
            "<title>Storm hits the coast: eleven hurt, roads closed</title>",
            "<nav><h1>Storm hits the coast eleven</h1></nav><h2>Storm hits the coast</h2>",
            "Storm hits the coast",
        ),
        # no heading says it
        ("<title>Storm hits the coast | Daily Paper</title>", "<p>Text.", "Storm hits the coast"),
        ("<title>Daily Paper » Storm hits the coast</title>", "<p>Text.", "Storm hits the coast"),
        (
            "<title>Storm – Daily Paper Online</title>"
            "<meta property=og:site_name content='Daily Paper Online'>",
            "<p>Text.",
            "Storm",
        ),
        ("<title>Well-known T-shirts of 1990-1999</title>", "", "Well-known T-shirts of 1990-1999"),
        ("", "<h2>About</h2><h1>Storm hits\nthe coast</h1>", "Storm hits the coast"),
        ("", "<h2>About</h2><p>Text.", ""),
    ],
)
def test_the_headline(head, body, expected):
    assert headline(page(head, body)) == expected


def test_the_headline_stands_once():
    segments = page("<title>Storm hits the coast</title>", "<h1>Storm hits the coast</h1>")
    wanted = "Storm hits the coast\nSnow fell."
    assert with_headline(segments, "Snow fell.") == wanted
    assert with_headline(segments, "Storm hits the COAST!\nSnow fell.") == wanted
    assert with_headline(page("", ""), "Snow fell.") == "Snow fell."


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_title_gives_one_line(title, site, heading):
    segments = page(
        f"<title>{title}</title><meta property=og:site_name content='{site}'>", f"<h1>{heading}"
    )
    assert len(headline(segments).splitlines()) <= 1
    assert with_headline(segments, "Snow fell.").endswith("Snow fell.")
