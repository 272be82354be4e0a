"""Files as other programs write them: every line is a row, a reject or blank, and none is lost."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.chat import row_files
from pipeline.chat.row_files import RowFile
from storage.errors import UserError


def read(path: Path) -> list[tuple[int, Any]]:
    """Each row's number and content, or the reason why there is none."""
    return [(r.number, r.rejected.reason if r.rejected else r.row) for r in RowFile(path)]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_line_ends_at_a_line_feed_alone(tmp_path: Path, mark: str) -> None:
    # U+2028 stands unescaped in JSON (RFC 8259 allows it); str.splitlines would cut there.
    text = json.dumps({"a": f"x{mark}y"}, ensure_ascii=mark < " ")
    file = written(tmp_path / "a.jsonl", f"{text}\n{text}".encode())
    assert read(file) == [(1, {"a": f"x{mark}y"}), (2, {"a": f"x{mark}y"})]


def test_byte_order_marks_carriage_returns_and_blank_lines(tmp_path: Path) -> None:
    file = RowFile(
        written(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n\xef\xbb\xbf{"a": 2}\r\n')
    )
    assert [(r.number, r.row) for r in file] == [(1, {"a": 1}), (4, {"a": 2})]
    assert file.blank_lines == 2
    assert [r.number for r in file] == [1, 4]
    assert file.blank_lines == 2  # not 4


def test_bad_lines_are_rejected_and_those_after_them_read(tmp_path: Path) -> None:
    lines = [
        b'{"a": 1}',
        b'{"a": "\xff"}',  # Latin-1
        b'{"a": "\xed\xa0\x80"}',  # a surrogate in CESU-8
        b'{"a": 1',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1} {"a": 2}',
        b"[" * 100_000,
        b'{"a": 1, "a": 2}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b"[1]",
        b"null",
        b'"x"',
        b"<html>",
        b'{"a": 2}',
    ]
    found = dict(read(written(tmp_path / "a.jsonl", b"\n".join(lines))))
    assert found == {
        1: {"a": 1},
        **dict.fromkeys((2, 3), "invalid_utf8"),
        **dict.fromkeys((*range(4, 12), 15), "invalid_json"),
        **dict.fromkeys((12, 13, 14), "not_an_object"),
        16: {"a": 2},
    }


def test_a_line_beyond_the_limit_is_one_reject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_files, "MAX_ROW_BYTES", 20)
    exact = b'{"a": "123456789012"}'
    assert len(exact) == 21
    lines = [exact[:-3] + b'"}', b'{"a": "' + b"x" * 99 + b'"}', exact, b'{"a": 1}', exact]
    found = read(written(tmp_path / "a.jsonl", b"\n".join(lines)))
    assert [number for number, _ in found] == [1, 2, 3, 4, 5]
    assert [row for _, row in found] == [
        {"a": "12345678901"},
        "row_too_large",
        "row_too_large",
        {"a": 1},
        "row_too_large",
    ]


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_packed_files_are_told_by_their_bytes(tmp_path: Path, packed: str) -> None:
    data = b'{"a": 1}\n{"a": 2}\n'
    if packed == ".gz":
        data = gzip.compress(data)
    if packed == ".zst":
        data = pa.compress(data, "zstd", asbytes=True)
    for name in (f"a.jsonl{packed}", "a.txt"):
        assert read(written(tmp_path / name, data)) == [(1, {"a": 1}), (2, {"a": 2})]


def test_one_list_is_read_as_its_items_but_not_in_jsonl(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf \n[{"a": 1},\n {"a": 2}, 3]\n'
    for name, content in (("a.json", data), ("a.json.gz", gzip.compress(data)), ("a", data)):
        file = written(tmp_path / name, content)
        assert read(file) == [(1, {"a": 1}), (2, {"a": 2}), (3, "not_an_object")]
    lines = b'[1]\n{"a": 2}\n'
    for name, content in (("a.jsonl", lines), ("a.jsonl.gz", gzip.compress(lines))):
        assert read(written(tmp_path / name, content)) == [(1, "not_an_object"), (2, {"a": 2})]
    with pytest.raises(UserError, match=r"b\.json begins as one JSON list and isn't.*jsonl"):
        read(written(tmp_path / "b.json", lines))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json", "a.parquet", "a.jsonl.gz"):
        assert read(written(tmp_path / name, b"")) == []
    assert read(written(tmp_path / "b.jsonl", gzip.compress(b""))) == []


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", '{"a": 1}'.encode("utf-16"), "UTF-16"),
        ("a.jsonl", '{"a": 1}'.encode("utf-32"), "UTF-16"),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"a": 1}\n' * 9_000, mtime=0)[:-30],
            "can't be read to its end",
        ),
        ("a.parquet", b'{"a": 1}', "no Parquet file"),
        ("a.parquet", b"PAR1" + b"x" * 90, "can't be read as Parquet"),
    ],
)
def test_what_spoils_the_whole_file_is_one_line(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    file = written(tmp_path / name, data)
    with pytest.raises(UserError, match=message) as caught:
        read(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_rows_come_without_the_nulls_that_a_struct_is_filled_up_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_files, "PARQUET_ROWS", 2)
    rows: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": "a"}], "tools": None, "image": b"\x89PNG"},
        {"messages": [{"role": "tool", "content": "b", "id": "1"}], "tools": "[]", "image": None},
        {"messages": None, "tools": None, "image": None},
    ]
    table = pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            {
                "messages": pa.list_(
                    pa.struct({"role": pa.string(), "content": pa.string(), "id": pa.string()})
                ),
                "tools": pa.string(),
                "image": pa.binary(),
            }
        ),
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [
        (1, {"messages": [{"role": "user", "content": "a"}]}),
        (2, {"messages": [{"role": "tool", "content": "b", "id": "1"}], "tools": "[]"}),
        (3, {}),
    ]
