"""The stage search_index: what is in it, the same bytes every time, what it refuses."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from search_corpora import write_corpus, write_index
from small_disk import small_disk  # noqa: F401

from pipeline.tools import fts5, search_index
from pipeline.tools.config import SearchIndexConfig
from pipeline.tools.search_passages import CutPassage, cut
from storage.durable import DiskFull, full_disk_is_clear
from storage.errors import UserError
from storage.grouped import write_list
from storage.manifest import FileEntry, Manifest
from storage.reads import wanted
from storage.tables import read_table, write_table

TEXTS = [f"Page {n}. The cat of house {n % 7} is called Mo{n}.\nIt rains." for n in range(40)]


def rows(folder: Path, asked: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / search_index.FILE)
    found = connection.execute(asked).fetchall()
    connection.close()
    return found


def test_documents_passages_and_terms(tmp_path: Path) -> None:
    corpus = write_corpus(
        tmp_path / "corpus", [" \n", "The cat sat. " * 6, ("A dog.", "validation")]
    )
    config = SearchIndexConfig(passage_characters=60, common_share=0.5)
    statistics = write_index(tmp_path / "index", corpus, config)
    assert statistics == {"documents": 3, "empty_documents": 1, "passages": 3, "common_terms": 3}
    documents = rows(tmp_path / "index", "SELECT * FROM documents")
    assert documents[1] == (2, f"{2:032x}", "https://example.org/2")
    passages = rows(tmp_path / "index", "SELECT * FROM passages")
    assert [row[:3] for row in passages] == [(1, 2, 0), (2, 2, 39), (3, 3, 0)]
    assert passages[2][3] == "A dog."
    assert rows(tmp_path / "index", "SELECT * FROM common") == [("cat",), ("sat",), ("the",)]
    found = rows(tmp_path / "index", "SELECT rowid FROM terms WHERE terms MATCH 'cat OR dog'")
    assert found == [(1,), (2,), (3,)]


def test_the_splits_that_are_asked_for(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ["One.", ("Two.", "validation"), "Three."])
    write_index(tmp_path / "index", corpus, SearchIndexConfig(splits=("train",)))
    assert rows(tmp_path / "index", "SELECT text FROM passages") == [("One.",), ("Three.",)]
    with pytest.raises(UserError, match=r"splits: unknown 'test'"):
        SearchIndexConfig(splits=("test",))
    with pytest.raises(UserError, match="splits: name one"):
        SearchIndexConfig(splits=())


def test_the_same_bytes_however_the_corpus_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "DOCUMENTS_A_COMMIT", 7)
    whole = write_corpus(tmp_path / "whole", TEXTS)
    write_index(tmp_path / "one", whole)
    write_index(tmp_path / "two", whole)
    joined = tmp_path / "lake" / "corpus" / "0"
    joined.mkdir(parents=True)
    groups = [
        write_corpus(tmp_path / "lake" / "corpus_group" / "a", TEXTS[:11]),
        write_corpus(tmp_path / "lake" / "corpus_group" / "b", TEXTS[11:], first=11),
    ]
    write_list(joined, groups)
    write_index(tmp_path / "grouped", joined)
    made = [
        (tmp_path / name / search_index.FILE).read_bytes() for name in ("one", "two", "grouped")
    ]
    assert made[0] == made[1] == made[2]
    pieces = rows(tmp_path / "one", "SELECT count(DISTINCT segid) FROM terms_idx")
    assert pieces == [(1,)]  # merged: a query looks in one place


def test_a_run_that_was_killed_after_its_last_document_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, scratch = write_corpus(tmp_path / "corpus", TEXTS), tmp_path / "scratch"
    statistics = write_index(tmp_path / "index", corpus)
    with monkeypatch.context() as patch:
        patch.setattr(search_index, "_finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_index(tmp_path / "killed", corpus, scratch=scratch)
    assert write_index(tmp_path / "again", corpus, scratch=scratch) == statistics
    files = [(tmp_path / name / search_index.FILE).read_bytes() for name in ("index", "again")]
    assert files[0] == files[1]


def test_a_run_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a commit, before the end, and after the end but for the copy."""
    monkeypatch.setattr(search_index, "DOCUMENTS_A_COMMIT", 7)
    corpus = write_corpus(tmp_path / "corpus", TEXTS)
    statistics = write_index(tmp_path / "undisturbed", corpus)
    expected = (tmp_path / "undisturbed" / search_index.FILE).read_bytes()
    scratch = tmp_path / "scratch"
    added = 0

    def counted(text: str, max_characters: int) -> Iterator[CutPassage]:
        nonlocal added
        added += 1
        if added == 24:
            raise KeyboardInterrupt
        return cut(text, max_characters)

    monkeypatch.setattr(search_index, "cut", counted)
    with pytest.raises(KeyboardInterrupt):
        write_index(tmp_path / "killed", corpus, scratch=scratch)
    assert not list((tmp_path / "killed").iterdir())
    assert write_index(tmp_path / "again", corpus, scratch=scratch) == statistics
    assert added == 24 + len(TEXTS) - 21  # 21 were committed
    assert write_index(tmp_path / "copied", corpus, scratch=scratch) == statistics
    assert added == 24 + len(TEXTS) - 21
    for name in ("again", "copied"):
        assert (tmp_path / name / search_index.FILE).read_bytes() == expected


def test_an_empty_corpus_has_an_index(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", [])
    statistics = write_index(tmp_path / "index", corpus)
    assert statistics == {"documents": 0, "empty_documents": 0, "passages": 0, "common_terms": 0}


def test_a_document_that_comes_twice_is_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ["One.", "Two."])
    write_corpus(corpus, ["Again."], name="fr", first=1)
    with pytest.raises(UserError, match=f"document {2:032x} is in the corpus twice"):
        write_index(tmp_path / "index", corpus)


def test_what_it_says_that_it_reads_is_enough(tmp_path: Path) -> None:
    """Of a lake in an object store nothing else is fetched."""
    corpus = write_corpus(tmp_path / "corpus", TEXTS)
    entry: FileEntry = {"bytes": 1, "sha256": ""}
    names = {
        "groups.json": entry,
        "corpus-en-00000.parquet": entry,
        "ledger-00000.parquet": entry,
    }
    manifest = Manifest("corpus", "0" * 64, 1, {}, {}, names, {}, {}, {})
    reads = search_index.STAGE.read_of("corpus", SearchIndexConfig(), ["corpus"])
    files = wanted(manifest, reads)
    assert set(files) == {"groups.json", "corpus-en-00000.parquet"}
    assert files["groups.json"] == ()
    only = read_table(corpus / "corpus-en.parquet").select(files["corpus-en-00000.parquet"])
    (tmp_path / "few").mkdir()
    write_table(only, tmp_path / "few" / "corpus-en.parquet")
    write_index(tmp_path / "one", corpus)
    write_index(tmp_path / "other", tmp_path / "few")
    made = [(tmp_path / name / search_index.FILE).read_bytes() for name in ("one", "other")]
    assert made[0] == made[1]


def test_without_fts5_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fts5.described() == f"SQLite {sqlite3.sqlite_version} with FTS5"
    corpus = write_corpus(tmp_path / "corpus", ["One."])
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 26, 0))
    with pytest.raises(UserError, match=r"search needs SQLite 3\.27\.0 or newer with FTS5"):
        write_index(tmp_path / "index", corpus)


def test_a_full_disk_is_one_line_and_with_room_it_goes_on(
    tmp_path: Path,
    small_disk: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_index, "DOCUMENTS_A_COMMIT", 500)
    corpus = write_corpus(
        tmp_path / "corpus", [f"{text} {n}" * 20 for n in range(50) for text in TEXTS]
    )
    write_index(tmp_path / "undisturbed", corpus)
    scratch = small_disk / "scratch"
    with (
        pytest.raises(DiskFull, match=r"disk full: .*: free some space"),
        full_disk_is_clear(scratch),
    ):
        write_index(tmp_path / "first", corpus, scratch=scratch)
    assert not list((tmp_path / "first").iterdir())
    shutil.copytree(scratch, tmp_path / "scratch")
    write_index(tmp_path / "again", corpus, scratch=tmp_path / "scratch")
    again, expected = (
        (tmp_path / name / search_index.FILE).read_bytes() for name in ("again", "undisturbed")
    )
    assert again == expected
