"""Writes a corpus as it comes: Parquet files by language, with no more than a cap in memory.

Row groups are cut by rows and bytes of what was written so far, never by time or workers, so the
same documents in the same order give the same bytes.
"""

import re
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa

from pipeline.corpus.read import UNKNOWN_LANGUAGE
from storage.schemas import CORPUS
from storage.tables import FILE_BYTES, ROW_GROUP_BYTES, ShardedTableWriter

LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,8})?")
MAX_WAITING_BYTES = 512 << 20  # of all languages


class CorpusFiles:
    """The files corpus-<language>-00000.parquet … of one folder."""

    def __init__(
        self,
        out: Path,
        file_bytes: int = FILE_BYTES,
        max_group_bytes: int = ROW_GROUP_BYTES,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self.out = out
        self.file_bytes = file_bytes
        self.max_group_bytes = max_group_bytes
        self.max_waiting_bytes = max_waiting_bytes
        self._writers: dict[str, ShardedTableWriter] = {}

    def add(self, rows: pa.Table) -> None:
        """Documents, each into its language's file."""
        names = np.array([file_language(name) for name in rows["language"].to_pylist()], dtype=str)
        for name in np.unique(names).tolist():
            self._writer(name).write(rows.filter(pa.array(names == name)))
        while sum(w.waiting_bytes for w in self._writers.values()) > self.max_waiting_bytes:
            # of equal ones the first by name
            largest = max(sorted(self._writers), key=lambda n: self._writers[n].waiting_bytes)
            self._writers[largest].flush()

    @property
    def documents(self) -> dict[str, int]:
        """How many there are of each language."""
        return {name: self._writers[name].rows for name in sorted(self._writers)}

    def _writer(self, language: str) -> ShardedTableWriter:
        if language not in self._writers:
            name = f"corpus-{language}"
            self._writers[language] = ShardedTableWriter(
                self.out, name, CORPUS, self.file_bytes, self.max_group_bytes
            )
        return self._writers[language]

    def __enter__(self) -> "CorpusFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and not self._writers:
            self._writer(UNKNOWN_LANGUAGE)  # an empty corpus has a file too
        for writer in self._writers.values():
            writer.__exit__(kind, error, trace)


def file_language(language: str | None) -> str:
    """The language as a file's name may hold it."""
    return language if language and LANGUAGE.fullmatch(language) else UNKNOWN_LANGUAGE
