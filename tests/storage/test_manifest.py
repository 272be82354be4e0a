"""The file manifest.json: its bytes, what is read from it, and what of a folder stands in it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from storage import UserError
from storage.manifest import Damaged, Manifest, check_statistics, file_names, measure, parse
from storage.tables import write_table

MADE = Manifest(
    kind="corpus",
    digest="0123456789abcdef" * 4,
    version=2,
    recipe={"b": 1, "a": "é"},
    inputs={"warc": ["sha256:00:ü.warc.gz"]},
    files={"t.parquet": {"bytes": 5, "sha256": "00"}, "u": {"bytes": 7, "sha256": "11"}},
    rows={"t.parquet": 3},
    statistics={"pages": 3},
    provenance={"seconds": 1.5},
)


def test_its_bytes() -> None:
    """Keys in order, characters as themselves: one artifact's manifest is the same everywhere."""
    text = MADE.to_json().decode()
    whole = json.loads(text)
    assert whole == {"format": 1, "content": MADE.content(), "provenance": {"seconds": 1.5}}
    assert list(whole) == ["content", "format", "provenance"]
    assert list(whole["content"]["recipe"]) == ["a", "b"]
    assert text.startswith('{\n "content": {\n  "digest": "0123')
    assert text.endswith("\n}\n")
    assert '"é"' in text
    assert "ü.warc.gz" in text
    with pytest.raises(ValueError, match="not JSON compliant"):
        dataclasses.replace(MADE, provenance={"seconds": float("nan")}).to_json()


def test_it_is_read_back() -> None:
    assert parse(MADE.to_json(), "here") == MADE
    assert MADE.artifact == "0123456789abcdef"
    assert MADE.total_bytes == 12
    assert "provenance" not in MADE.content()


def without(name: str) -> dict[str, Any]:
    content = MADE.content()
    del content[name]
    return content


@pytest.mark.parametrize(
    "document",
    [
        "{",
        [],
        {},
        {"format": "one", "content": MADE.content(), "provenance": {}},
        {"format": None, "content": MADE.content(), "provenance": {}},
        {"format": 1, "provenance": {}},
        {"format": 1, "content": MADE.content()},
        {"format": 1, "content": [], "provenance": {}},
        {"format": 1, "content": without("rows"), "provenance": {}},
        {"format": 1, "content": {**MADE.content(), "more": 1}, "provenance": {}},
    ],
)
def test_damage(document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(Damaged, match=r"^here: "):
        parse(text.encode(), "here")


def test_a_newer_format_comes_before_whatever_else_is_unknown() -> None:
    with pytest.raises(UserError, match="lake format 2, this one reads up to 1"):
        parse(b'{"format": 2}', "here")
    assert parse(MADE.to_json().replace(b'"format": 1', b'"format": 0'), "here") == MADE


def test_what_a_folder_holds(tmp_path: Path) -> None:
    (tmp_path / "provenance" / "deep").mkdir(parents=True)
    write_table(pa.table({"x": [1, 2, 3]}), tmp_path / "z.parquet")
    write_table(pa.table({"x": [1]}), tmp_path / "provenance" / "clock.parquet")
    (tmp_path / "provenance" / "deep" / "b").write_bytes(b"22")
    (tmp_path / "a").write_bytes(b"1")
    names = ["a", "provenance/clock.parquet", "provenance/deep/b", "z.parquet"]
    assert file_names(tmp_path) == names
    content, rows, provenance = measure(tmp_path)
    assert [*content] == ["a", "z.parquet"]
    assert [*provenance] == ["provenance/clock.parquet", "provenance/deep/b"]
    assert rows == {"z.parquet": 3}
    one = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"  # of "1"
    assert content["a"] == {"bytes": 1, "sha256": one}
    assert provenance["provenance/deep/b"]["bytes"] == 2


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
def test_links_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"")
    folder = tmp_path / "made" / "deep"
    folder.mkdir(parents=True)
    places = {"file": "outside/file", "folder": "outside", "nothing": "none"}
    (folder / "link").symlink_to(tmp_path / places[target])
    with pytest.raises(ValueError, match="deep/link: an artifact holds files, not links"):
        file_names(tmp_path / "made")


@pytest.mark.parametrize("statistics", [{"x": float("nan")}, {"x": {1, 2}}, {"x": object()}])
def test_statistics_are_plain_json(statistics: dict[str, Any]) -> None:
    check_statistics({"pages": 1, "share": 0.5, "names": ["a", None, True]}, "corpus")
    with pytest.raises(ValueError, match=r"^statistics of corpus: "):
        check_statistics(statistics, "corpus")
