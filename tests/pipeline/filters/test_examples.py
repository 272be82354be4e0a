"""Sets in every form that is read, and the mistakes that end in one line."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.filters.examples import Example, read_examples, texts_of
from storage.errors import UserError
from storage.grouped import write_list

ROWS = [
    {"id": "7", "query": "What is it?", "choices": ["a fish", "a bird"], "gold": 1},
    {"question": "How many?", "answer": "Four.", "url": "https://example.org"},
    {"id": "nothing else"},
    {"text": "the text", "title": "not looked at"},
]
EXPECTED = [
    (0, ("What is it?", "a bird", "a fish")),
    (1, ("How many?", "Four.")),
    (3, ("the text",)),
]


def read(path, fields=()):
    return [(example.number, example.texts) for example in read_examples(path, fields)]


def test_json_lines_plain_and_compressed(tmp_path):
    lines = "\n".join(map(json.dumps, ROWS)) + "\n\n"
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    assert read(tmp_path / "a.jsonl") == EXPECTED
    assert read(tmp_path / "a.jsonl.gz") == EXPECTED
    assert next(read_examples(tmp_path / "a.jsonl")) == Example("a.jsonl", *EXPECTED[0])


def test_json_as_a_list_or_with_one_list_inside(tmp_path):
    for content in (ROWS, {"version": "1.1", "data": ROWS}):
        (tmp_path / "a.json").write_text(json.dumps(content))
        assert read(tmp_path / "a.json") == EXPECTED


def test_text_by_blank_lines_or_by_lines(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n\nthree\n")
    assert read(tmp_path / "a.txt") == [(0, ("one\ntwo",)), (1, ("three",))]
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    assert read(tmp_path / "a.txt") == [(0, ("one",)), (1, ("two",))]


def test_parquet_and_the_folder_of_a_corpus(tmp_path):
    pq.write_table(pa.table({"id": ["x"], "text": ["t"], "host": ["h"]}), tmp_path / "p.parquet")
    assert read(tmp_path / "p.parquet") == [(0, ("t",))]
    assert read(tmp_path / "p.parquet", ["host"]) == [(0, ("h",))]
    folder = tmp_path / "corpus"
    folder.mkdir()
    for language in ("en", "de"):
        pq.write_table(pa.table({"text": [language]}), folder / f"corpus-{language}.parquet")
    assert read(folder) == [(0, ("de",)), (1, ("en",))]
    for file in folder.iterdir():
        pq.write_table(pa.table({"text": pa.array([], pa.string())}), file)
    assert read(folder) == []  # a part of a crawl may have no page


def test_fields_name_what_counts():
    row = {"query": "q", "context": {"inner": ["c1", "c2"]}, "answer": ""}
    assert texts_of(row, ["context", "query"]) == ("c1", "c2", "q")
    assert texts_of(row) == ("q", "c1", "c2")
    assert texts_of(["a", ["b"]]) == ("a", "b")
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert texts_of({"query": "q", "deep": deep}) == ("q",)


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("none.jsonl", None, "no such file"),
        ("a.csv", b"x", "no known kind"),
        ("a.jsonl", b'{"a": 1}\n{broken\n', "line 2: no JSON"),
        ("a.jsonl", b"", "no rows"),
        ("a.json", b'"text"', "list of rows"),
        ("a.parquet", b"no parquet", "no Parquet file"),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"text": "x"}' * 100, mtime=0)[:-12],
            "cannot be read to its end",
        ),
        ("a.jsonl.gz", b"no gzip", "cannot be read to its end"),
    ],
)
def test_mistakes(tmp_path, name, content, part):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=part):
        read(path)


def test_a_corpus_that_lies_in_groups(tmp_path):
    groups = [tmp_path / "corpus_group" / str(number) for number in range(2)]
    for number, group in enumerate(groups):
        group.mkdir(parents=True)
        pq.write_table(pa.table({"text": [f"text {number}"]}), group / "corpus-en-00000.parquet")
    (tmp_path / "corpus" / "all").mkdir(parents=True)
    write_list(tmp_path / "corpus" / "all", groups)
    found = read_examples(tmp_path / "corpus" / "all")
    assert [example.text for example in found] == ["text 0", "text 1"]


def test_a_folder_without_pages_and_a_column_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="none of"):
        read(tmp_path)
    pq.write_table(pa.table({"text": ["t"]}), tmp_path / "p.parquet")
    with pytest.raises(UserError, match="no column body"):
        read(tmp_path / "p.parquet", ["body"])


def test_every_shared_set_is_read(shared_dir):
    files = [*(shared_dir / "eval").rglob("*.jsonl.gz")]
    assert len(files) > 40
    for file in files:
        first = next(iter(read_examples(file)))
        assert first.texts
        assert len(first.text) >= 8, file.name
