"""The columns of numbers about blocks: what some of them have to be, and bounds of the C code."""

from typing import Any

import numpy as np
import pytest

from pipeline.extract import _features, features
from pipeline.extract.segment import segment

NO_WORDS = bytes(features.LEXICON)
PAGE = """<html><head><title>The winter storm - Daily Paper</title></head><body>
<div class=nav><ul><li><a href=/>Home</a><li><a href=/sport>Sport</a></ul></div>
<article class=post><h1>The winter storm</h1>
<p>Snow fell on Monday, and the roads were closed. Nobody was hurt.</p>
<h2>Related stories</h2><ul><li><a href=/a>One more storm</a></li></ul></article>
<div class=footer>Copyright</div></body></html>"""


def columns(page, lexicon=NO_WORDS):
    segments = segment(page)
    matrix = features.first(segments, lexicon)
    names = features.FIRST + features.SECOND
    return segments, {name: matrix[:, column] for column, name in enumerate(names)}


def test_names_are_unique_and_as_many_as_columns():
    names = features.FIRST + features.SECOND
    assert len(set(names)) == len(names)
    segments = segment(PAGE)
    assert features.first(segments, NO_WORDS).shape == (len(segments.texts), len(names))


def test_what_some_columns_are():
    segments, column = columns(PAGE)
    rows = {text: row for row, text in enumerate(segments.texts)}
    home, story = rows["Home"], next(row for text, row in rows.items() if text.startswith("Snow"))
    title, related = rows["The winter storm"], rows["One more storm"]
    assert column["link_share"][home] == 1
    assert column["link_share"][story] == 0
    assert column["title_share"][title] == 1
    assert column["since_title"][story] == 1
    assert column["since_title"][home] < 0
    assert column["candidate_inside"][story] == 1
    assert column["candidate_inside"][home] == 0
    assert column["furniture_near"][home] > column["furniture_near"][story]
    assert column["since_heading"][related] == 1
    assert column["up1_characters"][story] > len(segments.texts[story])
    assert column["page_blocks"][0] == len(rows)
    assert column["at-1_characters"][0] == -1  # nothing stands before the first block


TEASERS = """<article><p>Snow fell on Monday, and the roads were closed. Nobody was hurt, so the
mayor says.</p>
<p>More snow is on its way, and the mayor asks all people to stay at home today,
and so does the governor.</p>
<p>The storm of last year, which hurt eleven people and took many roofs, was weaker.</p></article>
<div class=rail><div class=item><a href=/1>First storm</a><p>Trees fell.</div>
<div class=item><a href=/2>Second storm</a><p>Roofs flew.</div>
<div class=item><a href=/3>Third storm</a><p>Snow fell on Monday, and the roads too.</div></div>
<p>Read more: <a href=/4>A fourth storm</a>"""


def test_elements_alike_side_by_side_with_links_are_cards():
    segments, column = columns(TEASERS)
    rows = {text: row for row, text in enumerate(segments.texts)}
    story, first, teaser = rows[segments.texts[0]], rows["First storm"], rows["Trees fell."]
    third = next(row for text, row in rows.items() if text.endswith("roads too."))
    assert column["cards"][[story, first, teaser, third]].tolist() == [0, 3, 3, 3]
    assert column["card_links"][teaser] == 1
    assert column["card_blocks"][teaser] == 2
    assert column["card_level"][first] == 0  # its own text stands in the card
    assert column["card_level"][teaser] == 1
    assert 0 < column["card_link_share"][teaser] < 1
    assert column["siblings"][story] == 3  # but no links: no cards
    assert column["sibling_links"][story] == 0
    # the teaser's first words are the story's
    assert column["begins_alike"][[story, third, teaser]].tolist() == [2, 2, 1]
    assert column["label_words"][rows["Read more: A fourth storm"]] == 2
    assert column["label_words"][story] == 0


def test_what_stands_beside_the_core():
    segments, _ = columns(TEASERS)
    width = len(features.SECOND)
    matrix = np.zeros((len(segments.texts), width), np.float32)
    opinion = np.full(len(matrix), 0.1, np.float32)
    opinion[:3] = 0.9
    _features.second(segments.table, segments.containers, opinion, matrix, width, 0)
    column = {name: matrix[:, index] for index, name in enumerate(features.SECOND)}
    rail = slice(3, -1)
    assert (column["branch_place"][rail] == 1).all()
    assert (column["branch_blocks"][rail] == 6).all()
    assert np.allclose(column["branch_mean"][rail], 0.1)
    assert column["branch_blocks"][0] == 1  # a paragraph of the core is a branch of its own
    assert column["branch_kept"][0] > column["branch_kept"][4]
    assert column["p_parent_share"][0] > 0.8 > column["p_parent_share"][4]
    assert column["p_alike_share"][0] > column["p_alike_share"][4]


def test_every_first_column_is_written_and_finite():
    segments = segment(PAGE)
    matrix = np.full((len(segments.texts), len(features.FIRST) + 3), np.nan, np.float32)
    _features.first(
        segments.table, segments.containers, segments.texts, NO_WORDS, features.GROUP,
        segments.title, segments.og_title, segments.description, segments.html_bytes, 1, 2,
        matrix, matrix.shape[1],
    )  # fmt: skip
    assert np.isfinite(matrix[:, : len(features.FIRST)]).all()
    assert np.isnan(matrix[:, len(features.FIRST) :]).all()


def test_every_second_column_is_written_and_finite():
    segments = segment(PAGE)
    width = len(features.SECOND) + 4
    matrix = np.full((len(segments.texts), width), np.nan, np.float32)
    opinion = np.linspace(0, 1, len(matrix)).astype(np.float32)
    _features.second(segments.table, segments.containers, opinion, matrix, width, 2)
    assert np.isfinite(matrix[:, 2:-2]).all()
    assert np.isnan(matrix[:, :2]).all()
    assert np.isnan(matrix[:, -2:]).all()
    names = {name: 2 + column for column, name in enumerate(features.SECOND)}
    assert np.array_equal(matrix[:, names["p"]], opinion)
    assert matrix[1:, names["p_at-1_p"]].tolist() == opinion[:-1].tolist()
    assert matrix[0, names["p_before"]] == 0


def test_words_are_looked_up_by_hash():
    words = _features.keys("Sign up 2024")
    assert words == _features.keys("sign UP, 1999!")
    assert len(words) == 6  # begin, end, whole and three words
    assert len(_features.keys("word " * 100)) == 3 + 48
    assert _features.keys("word " * 100)[1] == features.LEXICON  # the end is not known
    assert len(_features.keys("\u65e5\u672c\u8a9e")) == 6  # a character a word
    assert _features.keys("") == (features.LEXICON,) * 3
    weights = np.zeros(features.LEXICON, np.int8)
    weights[_features.keys("Copyright")[3]] = -40
    segments, column = columns(PAGE, weights.tobytes())
    assert column["words_mean"][segments.texts.index("Copyright")] == -40
    assert column["words_mean"].tolist().count(0) == len(segments.texts) - 1


def test_sizes_are_checked():
    segments = segment(PAGE)
    count = len(segments.texts)
    matrix = np.zeros((count, len(features.FIRST) + len(features.SECOND)), np.float32)
    width = matrix.shape[1]
    good: list[Any] = [
        segments.table, segments.containers, segments.texts, NO_WORDS, features.GROUP, "", "", "",
        segments.html_bytes, 1, 2, matrix, width,
    ]  # fmt: skip
    _features.first(*good)
    for place, bad in (
        (0, segments.table[:-1]),
        (0, segments.table.tobytes()[:-1]),
        (1, segments.containers[:1]),
        (2, segments.texts[:-1]),
        (3, b"short"),
        (4, bytes(255)),
        (8, -1),
        (11, np.zeros(3, np.float32)),
        (12, width - 1),
        (12, 2**62),
    ):
        with pytest.raises(ValueError, match="features"):
            _features.first(*[*good[:place], bad, *good[place + 1 :]])
    with pytest.raises(TypeError):
        _features.first(*[*good[:2], [1] * count, *good[3:]])
    opinion = np.zeros(count, np.float32)
    for sizes in (
        (opinion[:-1], matrix, width, 0),
        (opinion, matrix, width, -1),
        (opinion, matrix, width, width),
        (opinion, matrix[:, :4].copy(), 4, 0),
    ):
        with pytest.raises(ValueError, match="features"):
            _features.second(segments.table, segments.containers, *sizes)


def test_a_page_without_text_has_no_rows():
    segments = segment("<p></p>")
    matrix = features.first(segments, NO_WORDS)
    assert len(matrix) == 0
    features.second(segments, np.zeros(0, np.float32), matrix)
