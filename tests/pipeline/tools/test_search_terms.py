"""Words of passages and queries: the same for both, in scripts with and without spaces."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tools.search_terms import (
    MOST_CHARACTERS,
    MOST_WORDS,
    TOKENIZER,
    TermProbe,
    expression,
    indexed,
    phrase,
    words,
)

OPERATORS = st.sampled_from(
    [
        *("\"'*^():-+{},_ \0\ud800"),
        *("NEAR", "AND", "OR", "NOT", "text", "rowid", "rank"),
        *("猫", "東京", "é", "हि", "\u0301", "ﷺ", "\U00020000"),
    ]
)


def found(texts: list[str], query: str) -> list[int]:
    """Numbers of the texts that have a word of the query."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f'CREATE VIRTUAL TABLE t USING fts5(text, tokenize="{TOKENIZER}")')
    connection.executemany("INSERT INTO t VALUES (?)", [(indexed(text),) for text in texts])
    chosen = words(query)
    if not chosen:
        return []
    asked = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rowid"
    rows = connection.execute(asked, (expression(chosen),)).fetchall()
    connection.close()
    return [number - 1 for (number,) in rows]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Founded in 1204.", "who FOUNDS it"),
        ("Zoë's café", "ZOE"),
        ("Zoe\u0308", "zoë"),  # an accent of its own
        ("東京都に住む猫", "東京"),
        ("東京都に住む猫", "住む"),
        ("東京都に住む猫", "都"),  # a sign by itself, within
        ("東京都に住む猫", "猫"),  # and at the end
        ("ﾊﾟﾝ屋 １９９５年", "パン 1995"),  # half and full width
        ("नदी हिन्दी में", "हिन्दी"),  # vowel signs are parts of words
        ("กรุงเทพมหานคร", "กรุงเทพ"),
        ("ﬁsh", "fish"),
        ("5₽ 🏽tea ⁨Mo⁩", "mo"),  # signs that are newer than SQLite's table
        ("5₽", "5"),
    ],
)
def test_found_as_people_write_it(text: str, query: str) -> None:
    assert found([text, "something else"], query) == [0]


@pytest.mark.parametrize(
    ("text", "query"),
    [("京都", "東京都"), ("東北 北京", "東京"), ("हिन्द", "हिन्दी"), ("anything", " \0\ud800\"'*-_")],
)
def test_not_found(text: str, query: str) -> None:
    """Of 東京都 two pairs are asked for, one of which is 京都: then it is found by that alone."""
    assert found([text], query) == ([0] if query == "東京都" else [])


def test_no_word_is_an_operator() -> None:
    asked = words('a NOT b NEAR(c d, 2) text:e f* ^g "h A B')
    assert asked == ["a", "NOT", "b", "NEAR", "c", "d", "2", "text", "e", "f", "g", "h"]
    assert found(["b"], "a NOT b") == [0]
    assert found(["x"], "rowid:1 OR text:y") == []


@settings(max_examples=150, deadline=None)
@given(st.lists(OPERATORS | st.text(max_size=4), max_size=12).map("".join))
def test_whatever_is_asked_is_harmless(query: str) -> None:
    text = "cat 猫 NEAR text"
    assert found([text], query) in ([], [0])
    if {word.lower() for word in words(query)} & {"cat", "near", "text"}:
        assert found([text], query) == [0]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_a_text_is_found_by_itself(text: str) -> None:
    """Unless SQLite's tables know no letter of it."""
    probe = TermProbe()
    terms = set().union(*probe.terms(words(text)))
    probe.close()
    assert found([text], text) == ([0] if terms else [])


def test_a_query_is_read_so_far() -> None:
    many = " ".join(f"word{number}" for number in range(100_000))
    assert words(many) == [f"word{number}" for number in range(MOST_WORDS)]
    assert words(" " * MOST_CHARACTERS + "late") == []
    assert words("word " * 100_000) == ["word"]


def test_the_probe_says_what_sqlite_makes_of_words() -> None:
    probe = TermProbe()
    assert probe.terms(["founded", "was", "zoë", "東京"]) == [{"found"}, {"wa"}, {"zoe"}, {"東京"}]
    assert probe.terms(["second"]) == [{"second"}]  # nothing is left of the first call
    probe.close()


def test_a_phrase_is_words_in_quotes() -> None:
    assert phrase("the red, red fox") == '"the red red fox"'
    assert phrase('a" OR "b') == '"a OR b"'
    assert phrase("北京大学") == '"北京 京大 大学"'
    assert phrase("…!") == ""
