"""The rows of files that somebody else wrote: JSON lines, one JSON list, or Parquet.

In: a path; gzip and zstd are told by the file's first bytes, and so is Parquet. Out: row after row
with its number in the file, or why there is none. A line ends at a line feed alone: U+2028, U+2029
and U+0085 may stand inside a JSON text. A byte order mark is passed over; blank lines are no rows.
What makes the whole file unreadable (UTF-16, half an archive, no Parquet inside) is one error line.
"""

import dataclasses
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from pipeline.chat.row_fields import RejectedRow
from storage import strict_json
from storage.errors import UserError
from storage.tables import streamed

_PACKED = ("", ".gz", ".zst")
ENDINGS = (".parquet", *(k + p for k in (".jsonl", ".ndjson", ".json") for p in _PACKED))
LINES = (".jsonl", ".ndjson")  # whatever the first line begins with
MAX_ROW_BYTES = 64 << 20  # of a line: a conversation of millions of tokens has fewer
PARQUET_ROWS = 1_000  # at a time

_PARQUET, _GZIP, _ZSTD = b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")  # UTF-32's little-endian mark begins with the first


class NumberedRow(NamedTuple):
    """A row and its number in the file, from 1; for lines the line's number."""

    number: int
    row: Mapping[str, Any] | None  # None: rejected
    rejected: RejectedRow | None = None


@dataclasses.dataclass
class RowFile:
    """The rows of one file.

    Args:
        path: of the file.
    """

    path: Path
    blank_lines: int = 0  # passed over by the last iteration

    def __iter__(self) -> Iterator[NumberedRow]:
        """Read it from the start.

        Raises:
            UserError: it can't be read as such a file.
        """
        self.blank_lines = 0
        try:
            yield from self._rows()
        except (OSError, EOFError, zlib.error) as error:  # pyarrow's errors of files are OSError
            raise UserError(f"{self.path} can't be read to its end: {error}") from error

    def _rows(self) -> Iterator[NumberedRow]:
        with self.path.open("rb") as file:
            start = file.read(4)
        if start == _PARQUET:
            yield from self._parquet()
            return
        if self.path.suffix == ".parquet" and start:
            raise UserError(f"{self.path} is no Parquet file: it begins with {start!r}")
        with _unpacked(self.path, start) as file:
            first = file.peek(4)[:4] if isinstance(file, io.BufferedReader) else b""
            if first.startswith(_UTF16):
                raise UserError(f"{self.path} is UTF-16 or UTF-32: convert it to UTF-8")
            if self._is_one_list(file):
                yield from _listed(file.read(), self.path)
            else:
                yield from self._lines(file)

    def _is_one_list(self, file: BinaryIO) -> bool:
        """Whether the file is one JSON list, as Alpaca's and ShareGPT's own files are."""
        name = self.path.name.lower().removesuffix(".gz").removesuffix(".zst")
        if name.endswith(LINES) or not isinstance(file, io.BufferedReader):
            return False
        return file.peek(1024).removeprefix(_BOM).lstrip()[:1] == b"["

    def _lines(self, file: BinaryIO) -> Iterator[NumberedRow]:
        number = 0
        while line := file.readline(MAX_ROW_BYTES + 1):
            number += 1
            large = len(line.removesuffix(b"\n")) > MAX_ROW_BYTES
            while large and line and not line.endswith(b"\n"):
                line = file.readline(MAX_ROW_BYTES)
            if large:
                yield NumberedRow(number, None, RejectedRow("row_too_large"))
                continue
            line = line.removeprefix(_BOM).strip(b" \t\r\n")
            if line:
                yield _row_of(number, line)
            else:
                self.blank_lines += 1

    def _parquet(self) -> Iterator[NumberedRow]:
        number = 0
        try:
            with streamed(self.path) as file:
                for batch in file.iter_batches(PARQUET_ROWS):
                    for row in _plain(batch).to_pylist():
                        number += 1
                        yield NumberedRow(number, _without_nulls(row))
        except (pa.ArrowException, UnicodeDecodeError) as error:
            place = f"after row {number}" if number else "as Parquet"
            reason = str(error).splitlines()[0]
            raise UserError(f"{self.path} can't be read {place}: {reason}") from error


def _unpacked(path: Path, start: bytes) -> BinaryIO:
    if start.startswith(_GZIP):
        return io.BufferedReader(gzip.open(path, "rb"))
    if start == _ZSTD:
        packed: Any = pa.input_stream(str(path), compression="zstd")
        return io.BufferedReader(packed)
    return path.open("rb")


def _row_of(number: int, line: bytes) -> NumberedRow:
    try:
        value = strict_json.loads(line.decode())
    except UnicodeDecodeError as error:
        return NumberedRow(number, None, RejectedRow("invalid_utf8", f"byte {error.start + 1}"))
    except ValueError as error:
        return NumberedRow(number, None, RejectedRow("invalid_json", str(error)))
    return _object(number, value)


def _object(number: int, value: Any) -> NumberedRow:
    if isinstance(value, dict):
        return NumberedRow(number, value)
    return NumberedRow(number, None, RejectedRow("not_an_object", type(value).__name__))


def _listed(data: bytes, path: Path) -> Iterator[NumberedRow]:
    try:
        values = strict_json.loads(data.removeprefix(_BOM).decode())
    except ValueError as error:  # UnicodeDecodeError is one
        raise UserError(
            f"{path} begins as one JSON list and isn't: {error} (JSON lines end in .jsonl)"
        ) from error
    for number, value in enumerate(values, 1):
        yield _object(number, value)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns that JSON could hold too: no conversation is in the others (images' bytes)."""
    names = [f.name for f in batch.schema if not pa.types.is_binary(f.type)]
    return batch.select(names)


def _without_nulls(value: Any) -> Any:
    """A Parquet value as JSON would have it: writers fill a struct up with every row's fields."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
