"""JSON objects out of other people's files: what lies there instead is said in one line."""

import pytest

from storage.errors import UserError
from storage.json_object import read_object

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[]", "no JSON object but a list"),
        (b'"text"', "no JSON object but a text"),
        (b"null", "no JSON object but null"),
        (b"3", "no JSON object but 3"),
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (POINTER.encode(), "Git LFS pointer"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\n<html><body>401", "a web page"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"Access denied", "not JSON"),
    ],
)
def test_what_is_no_object_is_said(tmp_path, content, said):
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        read_object(file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_objects_are_read_with_and_without_a_mark(tmp_path):
    """Editors of Windows begin a file with a byte order mark."""
    file = tmp_path / "config.json"
    for mark in (b"", b"\xef\xbb\xbf"):
        file.write_bytes(mark + '{"a": "é\u2028"}'.encode())
        assert read_object(file) == {"a": "é\u2028"}
    with pytest.raises(UserError, match="is missing"):
        read_object(tmp_path / "none.json")
