"""Passages of many documents, against plain Python: found over partitions and dumps, taken out."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.dedup.config import PassageConfig
from pipeline.dedup.hash_index import HashIndex, id_bytes
from pipeline.dedup.passages import UNITS, Remover, find, hashes, limits, spill

WORDS = ("harbour", "boat", "keeper")


def document_id(number: int) -> str:
    return f"{number:032x}"


def line_of(draw: random.Random) -> str:
    """Few enough that some stand in several documents, of one to five words."""
    return " ".join(draw.choices(WORDS, k=draw.randrange(1, 6)))


def texts_of(count: int, seed: str) -> list[str]:
    draw = random.Random(seed)
    return [
        draw.choice(("\n", "\n\n")).join(line_of(draw) for _ in range(draw.randrange(1, 6)))
        for _ in range(count)
    ]


def build(
    folder: Path,
    texts: list[str],
    config: PassageConfig,
    earlier: HashIndex | None = None,
    earlier_texts: int = 0,
    memory: int = 1 << 30,
) -> tuple[HashIndex, dict[str, int]]:
    """The index of a dump's passages, and how many each unit has."""
    earlier = earlier or HashIndex()
    numbered = list(enumerate(texts, earlier_texts))
    characters = sum(map(len, texts)) * 50  # as much as makes several partitions
    made = spill(numbered, characters, config, folder / "scratch", memory)
    out = folder / "index"
    counts = {
        unit: find(spilled.paths, limits(config)[unit], earlier, unit, out)
        for unit, spilled in made.items()
    }
    ids = id_bytes([document_id(number) for number in range(earlier_texts + len(texts))])
    (out / "ids").write_bytes(ids.tobytes())
    return HashIndex(out), counts


def by_hand(
    texts: list[str], unit: str, limit: int, min_words: int, before: dict[str, int], first: int
) -> dict[str, int]:
    """Passage -> first document, of those that more than `limit` documents hold."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts, first):
        for piece in dict.fromkeys(text.split(UNITS[unit][1])):
            if len(piece.split()) >= max(1, min_words):
                holders[" ".join(piece.split())].append(number)
    found = {piece: held[0] for piece, held in holders.items() if len(held) > limit}
    return found | before


@pytest.mark.parametrize("unit", ["lines", "paragraphs"])
@pytest.mark.parametrize("memory", [1 << 30, 2000])
@pytest.mark.parametrize(("limit", "min_words"), [(1, 0), (1, 3), (2, 1), (4, 2)])
def test_found_and_removed_as_by_hand(
    tmp_path: Path, unit: str, memory: int, limit: int, min_words: int
) -> None:
    most: dict[str, Any] = {f"max_documents_per_{unit[:-1]}": limit}
    config = PassageConfig(**most, min_words=min_words)
    first, second = texts_of(150, "first"), texts_of(150, "second")
    index, counts = build(tmp_path / "1", first, config, memory=memory)
    known = by_hand(first, unit, limit, min_words, {}, 0)
    assert known
    assert counts == {unit: len(known)}
    # The next dump: what was found stays found, with its first document of the earlier dump.
    index, counts = build(tmp_path / "2", second, config, index, len(first), memory)
    known = by_hand(second, unit, limit, min_words, known, len(first))
    assert counts == {unit: len(known)}
    keys, documents = index.band(unit)
    assert (np.diff(keys.astype(object)) > 0).all()
    expected = {int(hashes(piece, unit)[0, 0]): number for piece, number in known.items()}
    assert dict(zip(keys.tolist(), documents.tolist())) == expected

    remover = Remover(index, config)
    for number, text in enumerate(first + second):
        pieces = text.split(UNITS[unit][1])
        stays = [known.get(" ".join(piece.split()), number) == number for piece in pieces]
        made = remover.remove(bytes.fromhex(document_id(number)), text)
        assert made.text == UNITS[unit][1].join(p for p, stay in zip(pieces, stays) if stay)
        assert made.passages == stays.count(False)
        assert made.characters == len(text) - len(made.text)
        assert made.words_left == (len(made.text.split()) if made.passages else -1)


def test_without_keep_first_it_goes_from_all(tmp_path: Path) -> None:
    config = PassageConfig(max_documents_per_line=1, keep_first=False)
    texts = ["Home about us\nriver bridge letter", "HOME, about us\nwinter garden table"]
    index, counts = build(tmp_path, texts, config)
    assert counts == {"lines": 1}
    remover = Remover(index, config)
    lefts = [remover.remove(bytes.fromhex(document_id(n)), text) for n, text in enumerate(texts)]
    assert [left.text for left in lefts] == ["river bridge letter", "winter garden table"]
    assert [(left.passages, left.words_left) for left in lefts] == [(1, 3), (1, 3)]


def test_paragraphs_and_lines_are_counted_together(tmp_path: Path) -> None:
    """The paragraph goes first, then a line of another one."""
    config = PassageConfig(max_documents_per_line=2, max_documents_per_paragraph=1)
    footer = "all rights reserved here\n\nriver bridge letter"
    texts = [f"one of three lines\n\n{footer}", f"two of three lines\n\n{footer}"]
    texts += ["all rights reserved here\nwinter garden table"]
    index, counts = build(tmp_path, texts, config)
    assert counts == {"paragraphs": 2, "lines": 1}
    assert limits(config) == {"paragraphs": 1, "lines": 2}
    removed = [Remover(index, config).remove(b"\xff" * 16, text) for text in texts]
    assert [r.text for r in removed] == [
        "one of three lines",
        "two of three lines",
        "winter garden table",
    ]
    assert [r.passages for r in removed] == [2, 2, 1]


def test_nothing_frequent_and_no_passages_at_all(tmp_path: Path) -> None:
    config = PassageConfig(max_documents_per_line=1)
    index, counts = build(tmp_path / "a", ["river bridge letter", "winter garden table"], config)
    assert counts == {"lines": 0}
    made = Remover(index, config).remove(bytes(16), "river bridge letter")
    assert (made.text, made.passages, made.characters, made.words_left) == (
        "river bridge letter",
        0,
        0,
        -1,
    )
    assert limits(PassageConfig()) == {}
    assert Remover(index, PassageConfig()).remove(bytes(16), "river").text == "river"
