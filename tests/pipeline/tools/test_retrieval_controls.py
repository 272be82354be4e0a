"""Controls of search: random passages, the same for the same query, and none."""

from pathlib import Path

from search_corpora import write_corpus, write_index

from pipeline.tools.config import SearchConfig
from pipeline.tools.retrieval import SearchIndex
from pipeline.tools.retrieval_controls import EmptyRetriever, RandomRetriever
from pipeline.tools.search_tool import NOTHING, search_tool


def test_random_passages_follow_from_seed_and_query(tmp_path: Path) -> None:
    texts = [f"Page {number}." for number in range(200)]
    write_index(tmp_path / "index", write_corpus(tmp_path / "corpus", texts))
    index = SearchIndex(tmp_path / "index")
    drawn = RandomRetriever(index, seed=1)
    found = drawn.search("page 7", 5, 60)
    assert found == RandomRetriever(index, seed=1).search("page 7", 5, 60)
    assert found[:3] == drawn.search("page 7", 3, 60)
    assert found != RandomRetriever(index, seed=2).search("page 7", 5, 60)
    assert found != drawn.search("page 8", 5, 60)
    assert len({p.passage for p in found}) == 5
    assert len({p.passage for p in drawn.search("\ud800", 500, 60)}) == 200  # all there are
    # every passage may come, whatever is asked
    seen = {p.passage for n in range(400) for p in drawn.search(str(n), 3, 60)}
    assert len(seen) > 190
    tool = search_tool(drawn, SearchConfig())
    assert tool.call({"query": "page 7", "count": 1}) == f"[{found[0].document}] {found[0].text}"
    tool.close()
    assert not index._is_open


def test_of_an_empty_index_there_is_nothing_to_draw(tmp_path: Path) -> None:
    write_index(tmp_path / "index", write_corpus(tmp_path / "corpus", []))
    drawn = RandomRetriever(SearchIndex(tmp_path / "index"))
    assert drawn.search("x", 3, 60) == []
    drawn.close()


def test_the_empty_one_finds_nothing() -> None:
    tool = search_tool(EmptyRetriever(), SearchConfig())
    assert tool.call({"query": "anything"}) == NOTHING
    tool.close()
