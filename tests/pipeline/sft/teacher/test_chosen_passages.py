"""Passages: whole sentences, every document before any twice, the same first ones for any count."""

import random

import pytest

from pipeline.curriculum.held_out import is_held_out
from pipeline.sft.teacher.chosen_passages import Chosen, choose, windows

SENTENCE = "The old boat of number {n} lies in the harbour since the storm of the year {n}."


def text(document: int, sentences: int) -> str:
    return " ".join(SENTENCE.format(n=1000 * document + n) for n in range(sentences))


DOCUMENTS = [(f"{n:032x}", text(n, 3 + n % 9)) for n in range(40)]


def chosen(count: int, documents: list[tuple[str, str]] = DOCUMENTS, **more: int) -> Chosen:
    settings = {"characters": 250, "per_document": 3, "seed": 0, **more}
    return choose(documents, count=count, held_out_fraction=0.0, **settings)


def test_windows_are_runs_of_whole_sentences() -> None:
    found = list(windows(text(1, 10), 250))
    assert [window.count("The old boat") for window in found] == [3, 3, 3, 1]
    assert all(len(window) <= 250 for window in found)
    assert " ".join(found) in text(1, 10)
    assert list(windows("Too short to talk about.", 250)) == []
    long = " ".join(["word"] * 100) + "."
    (only,) = windows(f"{text(2, 3)} {long} {text(3, 3)}".replace(". T", ".\nT"), 1_000)
    assert only.count("The old boat") == 6
    assert "word" in only
    assert not any("word" in window for window in windows(f"{long}\n{text(2, 3)}", 250))


def test_no_window_is_longer_than_it_may_be_nor_shorter_than_it_must() -> None:
    whole = text(1, 12)
    next_one = len(SENTENCE.format(n=1000)) + 2
    for characters in range(160, 420):
        found = list(windows(whole, characters))
        assert all(len(window) <= characters for window in found)
        assert all(len(window) + next_one > characters for window in found[:-1])


def test_more_requests_change_no_earlier_one() -> None:
    every = chosen(1_000).passages
    assert len(every) > 60
    for count in (0, 1, 17, 40, 41, 60):
        assert chosen(count).passages == every[:count]


def test_the_order_of_the_corpus_changes_nothing() -> None:
    shuffled = random.Random(3).sample(DOCUMENTS, len(DOCUMENTS))
    assert chosen(50, shuffled) == chosen(50)
    other = chosen(20, seed=1).passages  # other documents, not only other windows of them
    assert {p.document for p in other} != {p.document for p in chosen(20).passages}


def test_every_document_gives_one_before_any_gives_two() -> None:
    passages = chosen(1_000).passages
    first = [passage.document for passage in passages[:40]]
    assert len(set(first)) == 40
    assert {passage.name for passage in passages} == {f"{p.document}:{p.window}" for p in passages}
    assert len({passage.name for passage in passages}) == len(passages)


@pytest.mark.parametrize("most", [1, 2])
def test_no_document_gives_more_than_its_share(most: int) -> None:
    given = [passage.document for passage in chosen(1_000, per_document=most).passages]
    assert max(given.count(document) for document in given) == most


def test_passages_about_held_out_entities_are_not_shown() -> None:
    names = [
        f"{a} {b}" for a in ("Ada", "Bela", "Cora", "Dora") for b in ("Abel", "Brandt", "Cole")
    ]
    hidden = [name for name in names if is_held_out(name, 0.4)]
    assert 0 < len(hidden) < len(names)
    documents = [
        (f"{n}", f"{name} was born in Hale. It rained all day and nobody went to the old harbour.")
        for n, name in enumerate(names)
    ]
    found = choose(
        documents, count=99, characters=500, per_document=1, held_out_fraction=0.4, seed=0
    )
    assert found.held_out == len(hidden)
    shown = " ".join(passage.text for passage in found.passages)
    assert [name for name in names if name in shown] == [n for n in names if n not in hidden]
