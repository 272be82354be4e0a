"""Documents that hold a subject and a value, with an index and without one."""

from collections.abc import Iterator
from typing import Any

import pytest
from injection_strings import INJECTIONS
from known_lake import Unindexed

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages import fact_mentions
from pipeline.serve.pages.fact_mentions import documents_with, mentions_of
from storage import Lake


@pytest.fixture
def lake(known_lake: Lake) -> Iterator[ServedLake]:
    shown = ServedLake(known_lake)
    yield shown
    shown.close()


@pytest.mark.parametrize("by_index", [True, False])
def test_documents_with_both(lake: ServedLake, by_index: bool) -> None:
    asked: Any = lake if by_index else Unindexed(lake)
    found = mentions_of(asked, "Ada Abel", ("Hale",))
    assert (found.named, found.both, found.together) == (4, 3, 2)  # Haley is another word
    assert (found.is_all, found.by_index) == (True, by_index)
    first, _, last = found.shown
    assert (first.id, first.url) == (f"{1:032x}", "https://example.org/1")
    said = [("Ada Abel", True), (" was born in ", False), ("Hale", True), (".", False)]
    assert (first.said, first.is_together) == ([said], True)
    assert not last.is_together
    assert ["".join(piece for piece, _ in said) for said in last.said] == [
        "Ada Abel came late.",
        "The others were in Hale by then.",
    ]


@pytest.mark.parametrize("by_index", [True, False])
def test_a_language_without_spaces(lake: ServedLake, by_index: bool) -> None:
    asked: Any = lake if by_index else Unindexed(lake)
    found = mentions_of(asked, "张伟", ("北京",))
    assert (found.named, found.both, found.together) == (1, 1, 1)
    said = [("张伟", True), ("出生于", False), ("北京", True), ("。", False)]
    assert found.shown[0].said == [said]
    apart = mentions_of(asked, "张伟", ("上海",))
    assert (apart.named, apart.both, apart.together) == (1, 1, 0)
    assert mentions_of(asked, "张伟", ("广州",)).both == 0


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("他叫Ada吗", "Ada", ["Ada"]),
        ("他叫Adam吗", "Ada", []),
        ("Ada在北京", "北京", ["北京"]),
        ("인구가 많은 서울입니다", "서울", ["서울"]),
        ("Adam met ADA, LlAda and 小Ada", "Ada", ["ADA", "Ada"]),
    ],
)
def test_words_between_signs_are_marked(text: str, words: str, marked: list[str]) -> None:
    assert [
        piece for piece, is_marked in fact_mentions._marked(text, [words]) if is_marked
    ] == marked


def test_a_subject_alone(lake: ServedLake) -> None:
    found = mentions_of(lake, "Cora Cole", ())
    assert (found.named, found.both) == (1, 0)
    assert found.shown[0].said == [[("Cora Cole", True), (" has a garden.", False)]]
    many = mentions_of(lake, "Edda Farrow", ())
    assert (many.named, len(many.shown)) == (len(INJECTIONS), fact_mentions.MOST_SHOWN)
    assert mentions_of(lake, "Nobody Else", ("Hale",)).named == 0
    assert mentions_of(lake, "?!", ()).named == 0


@pytest.mark.parametrize("by_index", [True, False])
def test_what_is_left_out_is_said(
    lake: ServedLake, by_index: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fact_mentions, "MOST_DOCUMENTS", 3)
    found = mentions_of(lake if by_index else Unindexed(lake), "Ada Abel", ("Hale",))
    assert (found.named, found.is_all) == (3, False)


def test_without_an_index_the_first_documents_alone_are_read(
    lake: ServedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = fact_mentions._SCAN.replace(str(fact_mentions.MOST_READ), "2")
    assert read != fact_mentions._SCAN
    monkeypatch.setattr(fact_mentions, "_SCAN", read)
    monkeypatch.setattr(fact_mentions, "MOST_READ", 2)
    found = mentions_of(Unindexed(lake), "Ada Abel", ("Hale",))
    assert (found.named, found.is_all) == (2, False)


def test_words_one_right_after_the_other(lake: ServedLake) -> None:
    assert [one.id for one in documents_with(lake, "works as a", 9)] == [f"{5:032x}"]
    assert not list(documents_with(lake, "as works a", 9))
    assert not list(documents_with(lake, 'garden" OR "works', 9))
