"""The corpus as an index that tells which passages have the words of a question (BM25).

In: a corpus. Out: search.sqlite, one file that any SQLite with FTS5 reads: `documents` (number, id,
url), `passages` (number, document, start, text), `terms` (FTS5 over the passages' words, which
holds no second copy of the text) and `common` (terms of many passages). Documents and passages are
numbered from 1 in the corpus's order; the number is what an answer cites, since no small model
copies 32 digits.

The work lies in `scratch`, committed every so many documents with the number done, so that a run
that was killed goes on from there; neither that nor how the corpus lies in files changes a byte. At
the end the index is merged into one piece and copied into a file without gaps.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypedDict

from pipeline.corpus.read import corpus_batches
from pipeline.stage import Progress, Reads, Stage
from pipeline.tools import fts5
from pipeline.tools.config import SearchIndexConfig
from pipeline.tools.search_passages import cut
from pipeline.tools.search_terms import TOKENIZER, indexed
from storage.errors import UserError
from storage.grouped import LIST
from storage.reads import Read

FILE = "search.sqlite"
APPLICATION = 0x63326373  # "c2cs": what `file` and SQLite know it by
VERSION = 1  # of the tables, and of what `search_terms` makes of a text
DOCUMENTS_A_COMMIT = 2_000
COLUMNS = ("id", "url", "text", "split")

TABLES = f"""
CREATE TABLE documents (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL);
CREATE TABLE passages (
    number INTEGER PRIMARY KEY,
    document INTEGER NOT NULL,
    start INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE VIRTUAL TABLE terms USING fts5(text, content='', tokenize="{TOKENIZER}");
CREATE TABLE common (term TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE progress (rows INTEGER NOT NULL);
INSERT INTO progress VALUES (0);
"""


class SearchIndexInputs(TypedDict):
    """One folder."""

    corpus: list[Path]


class SearchIndexStatistics(TypedDict):
    """Of a `search_index` artifact."""

    documents: int  # of the chosen splits
    empty_documents: int  # of them, without anything but white space
    passages: int
    common_terms: int


def build(
    out: Path,
    inputs: SearchIndexInputs,
    config: SearchIndexConfig,
    progress: Progress,
    scratch: Path,
) -> SearchIndexStatistics:
    """The `search_index` stage."""
    fts5.described()
    (corpus,) = inputs["corpus"]
    with contextlib.closing(_begun(scratch / FILE)) as connection:
        if _is_open(connection):
            _fill(connection, corpus, config, progress)
            _finish(connection, config)
        (documents,) = connection.execute("SELECT count(*) FROM documents").fetchone()
        (passages,) = connection.execute("SELECT count(*) FROM passages").fetchone()
        (full,) = connection.execute("SELECT count(DISTINCT document) FROM passages").fetchone()
        (common,) = connection.execute("SELECT count(*) FROM common").fetchone()
        connection.execute("VACUUM INTO ?", (str(out / FILE),))
    return {
        "documents": documents,
        "empty_documents": documents - full,
        "passages": passages,
        "common_terms": common,
    }


def _begun(path: Path) -> sqlite3.Connection:
    """The database of an earlier run that was killed, or a new one."""
    connection = sqlite3.connect(path, isolation_level=None)
    # Bytes depend on these, which builds of SQLite may have other defaults for.
    for setting in ("encoding = 'UTF-8'", "page_size = 4096", "auto_vacuum = NONE"):
        connection.execute(f"PRAGMA {setting}")
    if not connection.execute("PRAGMA user_version").fetchone()[0]:
        connection.executescript(
            f"BEGIN; {TABLES} PRAGMA application_id = {APPLICATION};"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    return connection


def _is_open(connection: sqlite3.Connection) -> bool:
    """Whether there is more to do than to copy it."""
    asked = "SELECT 1 FROM sqlite_master WHERE name = 'progress'"
    return connection.execute(asked).fetchone() is not None


def _fill(
    connection: sqlite3.Connection, corpus: Path, config: SearchIndexConfig, progress: Progress
) -> None:
    """Add the documents that aren't there yet."""
    (done,) = connection.execute("SELECT rows FROM progress").fetchone()
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM documents").fetchone()
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM passages").fetchone()
    if done:
        progress.note(f"search index: {done:,} documents of an earlier run are kept")
    seen = done
    connection.execute("BEGIN")
    for seen, row in enumerate(_rows(corpus, done), start=done + 1):
        if row["split"] in config.splits:
            number += 1
            last = _add(connection, number, row, last, config.passage_characters)
        if seen % DOCUMENTS_A_COMMIT == 0:
            connection.execute("UPDATE progress SET rows = ?", (seen,))
            connection.execute("COMMIT")
            connection.execute("BEGIN")
            progress.update(seen, None, "documents")
    connection.execute("UPDATE progress SET rows = ?", (seen,))
    connection.execute("COMMIT")


def _rows(corpus: Path, skip: int) -> Iterator[dict[str, Any]]:
    """The corpus's rows after so many."""
    for batch in corpus_batches(corpus, list(COLUMNS)):
        left = batch.slice(min(skip, batch.num_rows))
        skip -= batch.num_rows - left.num_rows
        yield from left.to_pylist()


def _add(
    connection: sqlite3.Connection, number: int, row: dict[str, Any], last: int, characters: int
) -> int:
    """A document with its passages; the last one's number."""
    try:
        document = (number, row["id"], row["url"])
        connection.execute("INSERT INTO documents VALUES (?, ?, ?)", document)
    except sqlite3.IntegrityError as error:
        raise UserError(
            f"search index: document {row['id']} is in the corpus twice: what would be cited?"
        ) from error
    found = list(enumerate(cut(row["text"], characters), start=last + 1))
    connection.executemany(
        "INSERT INTO passages VALUES (?, ?, ?, ?)",
        [(place, number, passage.start, passage.text) for place, passage in found],
    )
    connection.executemany(
        "INSERT INTO terms (rowid, text) VALUES (?, ?)",
        [(place, indexed(passage.text)) for place, passage in found],
    )
    return last + len(found)


def _finish(connection: sqlite3.Connection, config: SearchIndexConfig) -> None:
    """Merge the index, and note the terms of many passages; all of it or nothing."""
    connection.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, terms, row)")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO terms (terms) VALUES ('optimize')")
    (passages,) = connection.execute("SELECT count(*) FROM passages").fetchone()
    connection.execute(
        "INSERT INTO common SELECT term FROM temp.vocabulary WHERE doc > ?",
        (passages * config.common_share,),
    )
    connection.execute("DROP TABLE progress")
    connection.execute("COMMIT")


def reads(config: SearchIndexConfig, given: Collection[str]) -> Reads:
    """The texts."""
    return {"corpus": [Read(LIST), Read("corpus-*.parquet", COLUMNS)]}


STAGE = Stage(kind="search_index", version=1, config=SearchIndexConfig, build=build, reads=reads)
