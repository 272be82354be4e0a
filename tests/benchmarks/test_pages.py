"""The benchmark of the web pages: its figures, its tables, and the lake that it makes."""

from pathlib import Path

from page_lake import commit

from storage import Lake
from tests.benchmarks import many_webs
from tests.benchmarks.page_timing import Times, Visit
from tests.benchmarks.pages import Measured, acts_table, firsts, misses, pages_table

TWENTY = Times(tuple(float(n) for n in range(20, 0, -1)))


def measured(paint: float, act: float) -> Measured:
    def one(value: float) -> Times:
        return Times((value,))

    visits = {"Chat": Visit(500.0, one(3), one(paint)), "Corpus": Visit(90.0, one(4), one(50))}
    return Measured(visits, {"Type": one(act), "Ask": one(900)}, {"Ask": "two answers"})


def test_the_middle_and_what_95_of_a_hundred_do_not_exceed() -> None:
    assert (TWENTY.median, TWENTY.p95) == (10.0, 19.0)
    assert (Times((3.0, 1.0, 2.0)).median, Times((3.0, 1.0, 2.0)).p95) == (2.0, 3.0)
    hundred = Times(tuple(map(float, range(1, 101))))
    assert hundred.p95 == 95.0


def test_tables_say_what_misses_an_aim() -> None:
    both = {"small": measured(199.0, 100.0), "large": measured(201.0, 101.0)}
    assert (
        pages_table(both).splitlines()[2] == "| Chat | 3 / 3 | 199 / 199 | 3 / 3 | **201 / 201** |"
    )
    lines = acts_table(both).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 5
    assert lines[2] == "| Type | 100 / 100 | **101 / 101** |  |"
    assert lines[3].endswith("| two answers |")
    said = misses(both)
    assert "small: 2 of 2 pages" in said
    assert "large: 1 of 2 pages" in said
    assert "large: 1 of 2 pages are painted within 200 ms, 1 interactions" in said
    assert "small: Chat 500 ms, Corpus 90 ms" in firsts(both)


def made(lake: Lake, root: Path, kind: str, **inputs: list[str]) -> str:
    """An artifact of one file; its digest."""
    folder = root / f"{kind}-{len(list(root.iterdir()))}"
    folder.mkdir()
    (folder / "note.txt").write_text(f"{kind} {inputs}")
    return commit(lake, kind, folder, **inputs)


def test_a_models_ancestors_come_with_it_and_the_corpus_is_the_large_one(tmp_path: Path) -> None:
    demo, large, files = Lake(tmp_path / "demo"), Lake(tmp_path / "large"), tmp_path / "files"
    files.mkdir()
    corpus = made(demo, files, "corpus")
    tokenizer = made(demo, files, "tokenizer", corpus=[corpus])
    base = made(demo, files, "base", tokenizer=[tokenizer], corpus=[corpus])
    other = made(large, files, "corpus", of=["other"])
    copied: dict[str, str] = {}
    new = many_webs._copied(demo, large, base, {"corpus": other}, copied)
    kinds = {manifest.kind: manifest for manifest in large.list()}
    assert kinds.keys() == {"corpus", "tokenizer", "base"}
    assert kinds["base"].digest == new != base
    assert kinds["base"].inputs == {"tokenizer": [kinds["tokenizer"].digest], "corpus": [other]}
    assert kinds["base"].files == demo.manifest("base", base).files
    assert large.is_whole("base", new, deep=True)
