"""The passages that a query finds: a `search_index`, opened to be read by many threads.

Ranking is Okapi BM25 as SQLite's `bm25()` has it (k1 = 1.2, b = 0.75; Robertson and Zaragoza 2009),
of the passages that have any of the query's words; of equal ones the earlier comes first. Words in
many passages (`SearchIndexConfig.common_share`) are asked for only where the others find nothing.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from pipeline.tools import fts5
from pipeline.tools.search_index import APPLICATION, FILE, VERSION
from pipeline.tools.search_terms import TermProbe, expression, is_sign, phrase, words
from pipeline.tools.tool import LimitReached, ToolFault
from storage.errors import UserError

MOST_HITS = 8  # passages of a document, on average, that are looked at for a phrase; ours
STEPS_A_LOOK = 20_000  # of SQLite's machine between two looks at the clock: about a millisecond

_PASSAGES = """
SELECT d.number, d.id, d.url, p.number, p.start, p.text, -f.score
FROM ({found}) f JOIN passages p ON p.number = f.number JOIN documents d ON d.number = p.document
ORDER BY f.score, f.number
"""
BY_WORDS = _PASSAGES.format(
    found="SELECT rowid AS number, rank AS score FROM terms WHERE terms MATCH ?"
    " ORDER BY rank, rowid LIMIT ?"
)
# Documents in their order, each with its passages around those found: they are neighbours.
BY_PHRASE = """
SELECT d.number, d.id, d.url, p.number, p.start, p.text, 0.0
FROM (
    SELECT p.document, min(p.number) AS first, max(p.number) AS last
    FROM (SELECT rowid AS number FROM terms WHERE terms MATCH ? ORDER BY rowid LIMIT ?) f
    JOIN passages p ON p.number = f.number GROUP BY p.document ORDER BY p.document LIMIT ?
) a
JOIN passages p ON p.number BETWEEN a.first - ? AND min(a.last, a.first + ?) + ?
    AND p.document = a.document
JOIN documents d ON d.number = a.document
ORDER BY p.number
"""
BY_NUMBER = _PASSAGES.format(found="SELECT ? AS number, -0.0 AS score")


class FoundPassage(NamedTuple):
    """A passage, with where it is from."""

    document: int  # by which an answer cites it: its number in this index
    id: str  # of the document, in the corpus
    url: str
    passage: int  # its number in this index
    start: int  # characters of the document before it
    text: str
    score: float  # BM25; 0 where it was not found by its words


class Retriever(Protocol):
    """What gives passages for a query, to several threads at a time."""

    def search(self, query: str, count: int, seconds: float) -> Sequence[FoundPassage]:
        """The best first; LimitReached if it takes longer."""
        ...

    def close(self) -> None: ...


class _Reader(NamedTuple):
    """What one thread needs for one query."""

    connection: sqlite3.Connection
    probe: TermProbe

    def close(self) -> None:
        self.connection.close()
        self.probe.close()


class SearchIndex:
    """A search index of the lake, open.

    Each query has a connection for itself, which the next one takes over. It belongs to the process
    that opened it.
    """

    def __init__(self, folder: Path) -> None:
        """Open it.

        Args:
            folder: the artifact's.

        Raises:
            UserError: it is none, isn't whole, or was made by a version with other tables; or this
                Python has no FTS5.
        """
        fts5.described()
        self.path = folder / FILE
        _check(self.path)
        self._free: list[_Reader] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._is_open = True
        try:
            with self._reader() as reader:
                connection = reader.connection
                (self.passages,) = _one(connection, "SELECT coalesce(max(number), 0) FROM passages")
                asked = connection.execute("SELECT term FROM common").fetchall()
        except ToolFault as error:
            self.close()
            raise UserError(f"{error}: make it again with `crawl2chat run search-index`") from error
        self._common = frozenset(term for (term,) in asked)

    def search(self, query: str, count: int, seconds: float) -> list[FoundPassage]:
        """The best passages for a query, the best first.

        Args:
            query: any text; only its words count.
            count: at most so many.
            seconds: that it may take.

        Raises:
            LimitReached: it took longer.
            ToolFault: the file is damaged, or the index closed.
        """
        chosen = words(query)
        if not chosen:
            return []
        rows: list[tuple[Any, ...]] = []
        with self._reader(seconds) as reader:
            for some in dict.fromkeys((self._rare(reader.probe, chosen), tuple(chosen))):
                if some and not rows:
                    asked = (expression(some), count)
                    rows = reader.connection.execute(BY_WORDS, asked).fetchall()
        return [FoundPassage(*row) for row in rows]

    def holding(
        self, text: str, documents: int, seconds: float, around: int = 0
    ) -> list[FoundPassage]:
        """Passages of the first documents that hold a text's words one right after the other.

        Args:
            text: whose words count, their endings and their case don't.
            documents: at most so many.
            seconds: that it may take.
            around: of each document so many passages as well before and after those that hold it,
                and no more than so many between the first and the last.

        Raises what `search` does.
        """
        if not (asked := phrase(text)):
            return []
        most = documents * MOST_HITS
        values = (asked, most, documents, around, max(around, MOST_HITS), around)
        with self._reader(seconds) as reader:
            rows = reader.connection.execute(BY_PHRASE, values).fetchall()
        return [FoundPassage(*row) for row in rows]

    def passage(self, number: int) -> FoundPassage:
        """A passage by its number, from 1 to `passages`."""
        with self._reader() as reader:
            return FoundPassage(*_one(reader.connection, BY_NUMBER, number))

    def close(self) -> None:
        """Close it; a query that still runs ends first."""
        with self._lock:
            self._is_open = False
            free, self._free = self._free, []
        for reader in free:
            reader.close()

    def _rare(self, probe: TermProbe, chosen: list[str]) -> tuple[str, ...]:
        """The words but for common ones."""
        terms = probe.terms(chosen)
        return tuple(w for w, made in zip(chosen, terms) if is_sign(w) or made - self._common)

    @contextmanager
    def _reader(self, seconds: float = 0.0) -> Iterator[_Reader]:
        """A reader for one query, which may take so long; 0: as long as it takes."""
        if os.getpid() != self._process:
            raise ToolFault("the search index was opened by another process")
        with self._lock:
            if not self._is_open:
                raise ToolFault("the search index is closed")
            reader = self._free.pop() if self._free else None
        reader = reader or _Reader(_connected(self.path), TermProbe())
        until = time.monotonic() + seconds
        handler = (lambda: time.monotonic() > until) if seconds else None
        reader.connection.set_progress_handler(handler, STEPS_A_LOOK)
        try:
            yield reader
        except sqlite3.ProgrammingError:  # a mistake of ours
            raise
        except sqlite3.DatabaseError as error:
            if str(error) == "interrupted":
                text = f"the search took longer than {seconds:g} seconds"
                raise LimitReached(text) from error
            raise ToolFault(f"the search index {self.path} is damaged ({error})") from error
        finally:
            with self._lock:
                keep = self._is_open
                if keep:
                    self._free.append(reader)
            if not keep:
                reader.close()


def _connected(path: Path) -> sqlite3.Connection:
    """Nobody writes an artifact: no locks are taken, and no journal is looked for."""
    place = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)


def _one(connection: sqlite3.Connection, asked: str, *values: int) -> tuple[Any, ...]:
    found: tuple[Any, ...] = connection.execute(asked, values).fetchone()
    return found


def _check(path: Path) -> None:
    """Refuse what is no whole index of this version, before anything is asked of it."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"no search index at {path}: {error.strerror}") from error
    # https://www.sqlite.org/fileformat2.html#the_database_header
    page_bytes, pages, version, application = (
        int.from_bytes(head[at : at + length], "big")
        for at, length in ((16, 2), (28, 4), (60, 4), (68, 4))
    )
    if not head.startswith(b"SQLite format 3\0") or application != APPLICATION:
        raise UserError(f"{path} is no search index: make one with `crawl2chat run search-index`")
    if size != page_bytes * pages:
        raise UserError(
            f"{path} is cut or grown ({size:,} bytes instead of {page_bytes * pages:,}):"
            " make it again with `crawl2chat run search-index`"
        )
    if version != VERSION:
        raise UserError(
            f"{path} was made by another version of crawl2chat (tables {version}, here {VERSION}):"
            " make one with `crawl2chat run search-index`"
        )
