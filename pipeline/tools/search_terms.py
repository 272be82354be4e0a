"""What counts as a word to a search: of passages when they are indexed, of queries, one for both.

SQLite's tokenizer folds case and accents and cuts English endings (Porter): "founded" finds
"founds". Of languages without spaces it would take each run between two marks of punctuation as one
word, which nobody asks for. So their signs (`pipeline.unspaced`) go to it in pairs, as
Lucene's analyzer for Chinese, Japanese and Korean does it, and the last of a run by itself: each
sign begins one word, and a query of one sign finds them by their beginning. Its other tokenizer,
trigrams, finds no word of two signs, and takes six times the room.
"""

import functools
import itertools
import re
import sqlite3
import unicodedata
from collections.abc import Iterable

from pipeline.unspaced import character_set, marks

# Vowel signs of Indic scripts are marks, and parts of words.
TOKENIZER = "porter unicode61 remove_diacritics 2 categories 'L* M* N* Co'"
MOST_CHARACTERS = 20_000  # of a query that are read; ours
MOST_WORDS = 64  # of a query that count, its first different ones; ours


class _Parts(dict[int, int]):
    """For `str.translate`: letters, marks and digits stay, all else is a space.

    SQLite's own table is of 2012 and takes whatever came since for letters, ₽ and emoji too.
    """

    def __missing__(self, code: int) -> int:
        kind = unicodedata.category(chr(code))
        self[code] = code if kind[0] in "LMN" or kind == "Co" else 0x20
        return self[code]


_PARTS = _Parts()


def indexed(text: str) -> str:
    """A passage as SQLite gets it."""
    return _spaced(_parts(text), ends=True)


def words(query: str) -> list[str]:
    """The different words of a query, in order: letters, marks and digits, nothing else."""
    found: dict[str, str] = {}
    for word in _spaced(_parts(query[:MOST_CHARACTERS]), ends=False).split():
        found.setdefault(word.lower(), word)
    return list(found.values())[:MOST_WORDS]


def expression(chosen: Iterable[str]) -> str:
    """Words as FTS5 is asked for them: any of them, each in quotes, so that none is an operator."""
    return " OR ".join(f'"{word}"{"*" if is_sign(word) else ""}' for word in chosen)


def phrase(text: str) -> str:
    """A text as FTS5 is asked for its words one right after the other; "" if it has none."""
    found = _spaced(_parts(text[:MOST_CHARACTERS]), ends=False).split()
    # Nobody asks for a sign alone: as the beginning of a word it would be many.
    return f'"{" ".join(found[:MOST_WORDS])}"' if found else ""


def is_sign(word: str) -> bool:
    """Whether a word is one sign of a script without spaces."""
    return not word.isascii() and bool(_unit().fullmatch(word))


def _parts(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_PARTS)


def _spaced(text: str, ends: bool) -> str:
    """Runs of signs as pairs; with `ends` the last sign of each run as well."""
    if text.isascii():
        return text

    def pairs(run: re.Match[str]) -> str:
        signs = _unit().findall(run[0])
        made = [first + second for first, second in itertools.pairwise(signs)]
        last = signs[-1:] if ends or len(signs) == 1 else []
        return f" {' '.join([*made, *last])} "

    return _run().sub(pairs, text)


@functools.cache
def _run() -> re.Pattern[str]:
    return re.compile(f"[{character_set()}]+")


@functools.cache
def _unit() -> re.Pattern[str]:
    """A sign with the marks after it; marks before any sign are one by themselves."""
    return re.compile(f"[{character_set()}][{re.escape(marks())}]*")


class TermProbe:
    """Tells the terms that SQLite makes of words, by letting it: for one thread at a time."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.executescript(
            f'CREATE VIRTUAL TABLE probe USING fts5(word, content="", tokenize="{TOKENIZER}");'
            "CREATE VIRTUAL TABLE terms USING fts5vocab(probe, instance);"
        )

    def terms(self, chosen: list[str]) -> list[set[str]]:
        """Of each word its terms, of most words one."""
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO probe (rowid, word) VALUES (?, ?)", enumerate(chosen)
        )
        found: list[set[str]] = [set() for _ in chosen]
        for number, term in self._connection.execute("SELECT doc, term FROM terms"):
            found[number].add(term)
        self._connection.execute("ROLLBACK")
        return found

    def close(self) -> None:
        self._connection.close()
