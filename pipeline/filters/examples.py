"""Sets of texts that a user names: evaluation files, good pages, other pages.

In: .jsonl, .json, .txt (each also .gz), .parquet, or the folder of a corpus or of a pass over a
crawl. Out: one `Example` a row, its texts in the order of the row. Of a row of evaluation data all
strings count, except ids, names and the like; with `choices` and `gold` the right answer follows
the question. Text files have documents between blank lines, or one a line if none is blank.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import dataclasses
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from storage.errors import UserError
from storage.grouped import members
from storage.tables import streamed

# What a row says about itself, not what it asks; compared in lower case.
_ABOUT = frozenset(
    "id ind idx index name task task_id task_name url source source_id split split_type category"
    " type label labels template template_name lang language date warc host dump metadata"
    " motivation_app activity_label entry_point qid question_id".split()
)
_FOLDER_FILES = ("corpus-*.parquet", "pages.parquet", "corpus.parquet")
_ROWS_A_BATCH = 256
_MOST_CHARACTERS = 1 << 30  # of a line, or of a file that is read whole, when unpacked
_KINDS = ".jsonl .json .txt (or these .gz), .parquet, or a folder with pages or a corpus"


@dataclasses.dataclass(frozen=True)
class Example:
    """One row: the file's name, the row's number in it from 0, and its texts."""

    file: str
    number: int
    texts: tuple[str, ...]

    @property
    def text(self) -> str:
        """All its texts as one."""
        return "\n".join(self.texts)


def read_examples(path: Path, fields: Sequence[str] = ()) -> Iterator[Example]:
    """Every row of a file or folder that has text.

    Args:
        path: the file or folder.
        fields: the keys or columns that count; empty: by the module's rule.

    Raises:
        UserError: there is no such file, its kind is not known, or it is damaged or empty.
    """
    number = -1
    for number, texts in enumerate(_rows(path, fields)):
        if texts:
            yield Example(path.name, number, texts)
    if number < 0 and path.is_file():  # of a crawl's file no page may be left
        raise UserError(f"{path}: no rows in it")


def texts_of(row: Any, fields: Sequence[str] = ()) -> tuple[str, ...]:
    """The strings of a row of data, in its order."""
    if isinstance(row, dict):
        if fields:
            chosen = [row[field] for field in fields if field in row]
            return tuple(text for value in chosen for text in _leaves(value))
        if isinstance(row.get("text"), str):
            return _leaves(row["text"])
        row = _answer_beside_question(row)
    return _leaves(row)


def _answer_beside_question(row: dict[str, Any]) -> dict[str, Any]:
    choices, gold = row.get("choices"), row.get("gold")
    if not (isinstance(choices, list) and isinstance(gold, int) and 0 <= gold < len(choices)):
        return row
    others = choices[:gold] + choices[gold + 1 :]
    rest = {key: value for key, value in row.items() if key != "choices"}
    return {**rest, "choices": [choices[gold], *others]}


def _leaves(value: Any) -> tuple[str, ...]:
    """Strings inside lists and dicts, first to last; with a stack, since rows may nest deeply."""
    found, stack = [], [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if item.strip():
                found.append(item)
        elif isinstance(item, list | tuple):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            named = [inner for key, inner in item.items() if str(key).lower() not in _ABOUT]
            stack.extend(reversed(named))
    return tuple(found)


def _rows(path: Path, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    if path.is_dir():
        for inner in _inside(path):
            yield from _parquet(inner, fields)
        return
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder")
    name = path.name.removesuffix(".gz")
    if path.suffix == ".parquet":
        yield from _parquet(path, fields)
    elif name.endswith(".jsonl"):
        yield from _json_lines(path, fields)
    elif name.endswith(".json"):
        yield from _json(path, fields)
    elif name.endswith(".txt"):
        with _open(path) as file:
            text = _read(path, file)
        parts = text.split("\n\n") if "\n\n" in text else text.split("\n")
        yield from (_leaves(part.strip()) for part in parts)
    else:
        raise UserError(f"{path}: of no known kind; give {_KINDS}")


def _inside(folder: Path) -> list[Path]:
    """The files with texts in a folder: those of the first known name that is there."""
    for pattern in _FOLDER_FILES:
        if files := [file for part in members(folder) for file in sorted(part.glob(pattern))]:
            return files
    raise UserError(f"{folder}: none of {', '.join(_FOLDER_FILES)} in this folder")


def _parquet(path: Path, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    try:
        with streamed(path) as file:
            names = file.schema_arrow.names
            wanted = [name for name in fields if name in names] or None
            if fields and wanted is None:
                raise UserError(f"{path}: no column {', '.join(fields)} (has {', '.join(names)})")
            if wanted is None and "text" in names:
                wanted = ["text"]
            for batch in file.iter_batches(_ROWS_A_BATCH, columns=wanted):
                yield from (texts_of(row, fields) for row in batch.to_pylist())
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: no Parquet file ({error})") from error


def _json_lines(path: Path, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    with _open(path) as file:
        number = 0
        while True:
            number += 1
            line = _read(path, file, line=True)
            if not line:
                return
            if line.strip():
                yield texts_of(_parsed(line, f"{path}, line {number}"), fields)


def _json(path: Path, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    with _open(path) as file:
        whole = _parsed(_read(path, file), str(path))
    if isinstance(whole, dict):  # {"data": [...]}, as SQuAD has it
        lists = [value for value in whole.values() if isinstance(value, list)]
        whole = lists[0] if len(lists) == 1 else [whole]
    if not isinstance(whole, list):
        raise UserError(f"{path}: a JSON file of examples is a list of rows")
    yield from (texts_of(row, fields) for row in whole)


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace")
    return path.open(encoding="utf-8-sig", errors="replace")


def _read(path: Path, file: IO[str], line: bool = False) -> str:
    try:
        text = file.readline(_MOST_CHARACTERS) if line else file.read(_MOST_CHARACTERS)
        if len(text) == _MOST_CHARACTERS:
            raise UserError(f"{path}: more than {_MOST_CHARACTERS:,} characters in one piece")
        return text
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read to its end ({error})") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: no JSON ({error})") from error
