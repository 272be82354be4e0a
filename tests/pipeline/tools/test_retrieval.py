"""What a query finds: BM25 by hand, ties, common words, several threads, limits, damaged files."""

import math
import multiprocessing
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from search_corpora import write_corpus, write_index

from pipeline.tools.config import SearchIndexConfig
from pipeline.tools.retrieval import SearchIndex
from pipeline.tools.search_index import FILE
from pipeline.tools.tool import LimitReached, ToolFault
from storage.errors import UserError

TEXTS = [
    "A red fox met a red fox.",
    "The fox slept.",
    "A red barn stands on the hill above the town, and nobody goes there.",
    "Rain fell on the barn.",
    "Nothing of the kind.",
    "Snow, and no more.",
]
ALL = SearchIndexConfig(common_share=1.0)  # no word is common


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("retrieval")
    write_index(root / "index", write_corpus(root / "corpus", TEXTS), ALL)
    return root / "index"


def bm25(texts: list[str], query: list[str]) -> dict[int, float]:
    """Okapi BM25 with k1 = 1.2 and b = 0.75, and the idf of https://www.sqlite.org/fts5.html."""
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in texts]
    mean = sum(bag.total() for bag in bags) / len(bags)
    scores: dict[int, float] = {}
    for word in query:
        holding = sum(word in bag for bag in bags)
        idf = max(math.log((len(bags) - holding + 0.5) / (holding + 0.5)), 1e-6)
        for number, bag in enumerate(bags):
            if word in bag:
                length = 1 - 0.75 + 0.75 * bag.total() / mean
                part = idf * bag[word] * (1.2 + 1) / (bag[word] + 1.2 * length)
                scores[number] = scores.get(number, 0.0) + part
    return scores


@pytest.mark.parametrize("query", [["fox"], ["red", "fox"], ["the", "barn"], ["rain", "on", "a"]])
def test_scores_are_bm25(folder: Path, query: list[str]) -> None:
    index = SearchIndex(folder)
    found = index.search(" ".join(query), 10, 60)
    index.close()
    expected = bm25(TEXTS, query)
    assert [p.document - 1 for p in found] == sorted(expected, key=lambda n: (-expected[n], n))
    assert {p.document - 1: p.score for p in found} == pytest.approx(expected)


def test_by_hand(folder: Path) -> None:
    """One of the formula's values by pencil: "snow" is in one of six passages, of four words.

    Lengths 7, 3, 14, 5, 4, 4: 37 / 6 a passage. idf = ln(5.5 / 1.5) = 1.2993;
    2.2 / (1 + 1.2 (0.25 + 0.75 * 4 / 6.1667)) = 2.2 / 1.88378 = 1.16786.
    """
    index = SearchIndex(folder)
    (found,) = index.search("snow", 10, 60)
    index.close()
    assert found.score == pytest.approx(1.2993 * 1.16786, rel=1e-4)
    assert (found.id, found.url) == (f"{6:032x}", "https://example.org/6")
    assert (found.passage, found.start, found.text) == (6, 0, TEXTS[5])


def test_of_equal_ones_the_earlier_comes_first(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ["Tea."] * 50 + ["Coffee."] * 60)
    write_index(tmp_path / "index", corpus, ALL)
    index = SearchIndex(tmp_path / "index")
    assert [p.document for p in index.search("tea", 5, 60)] == [1, 2, 3, 4, 5]
    index.close()


def test_common_words_are_asked_for_where_others_find_nothing(tmp_path: Path) -> None:
    texts = ["Where was the fox?", "Where was it?", "Was it here?", "A fox is there."]
    corpus = write_corpus(tmp_path / "corpus", texts)
    write_index(tmp_path / "index", corpus, SearchIndexConfig(common_share=0.5))
    index = SearchIndex(tmp_path / "index")
    found = [p.document for p in index.search("Where was the fox", 10, 60)]
    assert sorted(found) == [1, 2, 4]  # where, the, fox; "was" is in three of four
    assert {p.document for p in index.search("WAS", 10, 60)} == {1, 2, 3}
    assert {p.document for p in index.search("was zebra", 10, 60)} == {1, 2, 3}
    index.close()


def test_a_passage_by_its_number(folder: Path) -> None:
    index = SearchIndex(folder)
    assert index.passages == len(TEXTS)
    assert [index.passage(n).text for n in range(1, 7)] == TEXTS
    index.close()


def test_several_threads_find_what_one_does(folder: Path) -> None:
    index = SearchIndex(folder)
    queries = ["fox", "red barn", "rain", "the town", "snow"] * 40
    alone = [index.search(query, 3, 60) for query in queries]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda query: index.search(query, 3, 60), queries)) == alone
    assert len(index._free) <= 5
    index.close()


def test_a_query_that_takes_too_long_ends(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ["tea and more tea"] * 12_000)
    write_index(tmp_path / "index", corpus, ALL)
    index = SearchIndex(tmp_path / "index")
    with pytest.raises(LimitReached, match=r"took longer than 1e-09 seconds"):
        index.search("tea", 3, 1e-9)
    started = time.monotonic()
    assert len(index.search("tea", 3, 60)) == 3  # the same connection goes on
    assert time.monotonic() - started < 60
    index.close()


def test_a_closed_index_and_another_process(folder: Path) -> None:
    index = SearchIndex(folder)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def ask() -> None:
        try:
            index.search("fox", 3, 60)
        except ToolFault as error:
            theirs.send(str(error))

    child = context.Process(target=ask)
    child.start()
    assert ours.poll(30)
    assert "another process" in ours.recv()
    child.join()
    index.close()
    with pytest.raises(ToolFault, match="is closed"):
        index.search("fox", 3, 60)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.unlink(), "no search index at .*No such file"),
        (lambda file: file.write_bytes(b""), "is no search index"),
        (lambda file: file.write_text("<html>" * 1_000), "is no search index"),
        (lambda file: file.write_bytes(file.read_bytes()[:-4096]), "cut or grown"),
        (lambda file: file.write_bytes(file.read_bytes()[:2_000]), "cut or grown"),
        (lambda file: set_pragma(file, "user_version = 99"), r"another version .* 99, here 1"),
        (lambda file: set_pragma(file, "application_id = 7"), "is no search index"),
        (lambda file: wipe(file, 4096), "damaged"),
    ],
)
def test_what_is_no_index_is_one_line(
    folder: Path, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    file = tmp_path / FILE
    file.write_bytes((folder / FILE).read_bytes())
    damage(file)
    with pytest.raises(UserError, match=said) as caught:
        SearchIndex(tmp_path)
    assert "\n" not in str(caught.value)
    assert "run search-index" in str(caught.value) or "No such file" in str(caught.value)


def set_pragma(file: Path, setting: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA {setting}")
    connection.close()


def wipe(file: Path, first: int) -> None:
    """All but the beginning."""
    stored = file.read_bytes()
    file.write_bytes(stored[:first] + bytes(len(stored) - first))


def test_damage_that_shows_later_is_a_fault(tmp_path: Path) -> None:
    """A page in the middle: it is opened, and finds what isn't on it."""
    texts = [f"Page word{number}. {'More of it. ' * 30}" for number in range(100)]
    write_index(tmp_path / "index", write_corpus(tmp_path / "corpus", texts))
    file = tmp_path / "index" / FILE
    stored = bytearray(file.read_bytes())
    page = stored.index(b"Page word50.") // 4096 * 4096
    stored[page : page + 4096] = bytes(4096)
    file.write_bytes(stored)
    index = SearchIndex(tmp_path / "index")
    assert len(index.search("word90", 3, 60)) == 1
    with pytest.raises(ToolFault, match=r"damaged \("):
        index.search("word50", 3, 60)
    assert len(index.search("word90", 3, 60)) == 1
    index.close()


def test_a_path_with_signs_of_an_address(folder: Path, tmp_path: Path) -> None:
    strange = tmp_path / "a?b#c d%20é"
    strange.mkdir()
    (strange / FILE).write_bytes((folder / FILE).read_bytes())
    index = SearchIndex(strange)
    assert index.search("snow", 1, 60)
    with index._reader() as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.connection.execute("DELETE FROM common")
    index.close()
    assert [path.name for path in strange.iterdir()] == [FILE]  # nothing written beside it


def test_documents_that_hold_words_in_a_row(tmp_path: Path) -> None:
    long = "\n\n".join([f"Part {number} of it. " + "word " * 60 for number in range(12)])
    texts = ["The red fox slept.", "A fox, red and old.", f"{long} A RED FOX at last.", "None."]
    config = SearchIndexConfig(passage_characters=200)
    write_index(tmp_path / "index", write_corpus(tmp_path / "corpus", texts), config)
    index = SearchIndex(tmp_path / "index")
    found = index.holding("red fox", 9, 60)
    assert [int(one.id) for one in found] == [1, 3]
    assert "A RED FOX" in found[1].text
    assert [int(one.id) for one in index.holding("red foxes", 1, 60)] == [
        1
    ]  # their endings don't count
    around = index.holding("red fox", 9, 60, around=3)
    assert [int(one.id) for one in around] == [1, 3, 3, 3, 3]  # none of another document
    assert around[-1] == found[1]
    assert [one.start for one in around[1:]] == sorted(one.start for one in around[1:])
    assert index.holding("?", 9, 60) == []
    assert index.holding('fox" OR "none', 9, 60) == []  # no operator
    index.close()
