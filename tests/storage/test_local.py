"""A tree on disk: what is read of it, and that an artifact is published once."""

import threading
from pathlib import Path

import pytest

from storage.local import LocalTree


@pytest.fixture
def tree(tmp_path: Path) -> LocalTree:
    return LocalTree(tmp_path / "lake")


def staged(tree: LocalTree, name: str, data: bytes) -> Path:
    folder = tree.root / ".staging" / name
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(data)
    return folder


def test_what_is_not_there_is_nothing(tree):
    assert tree.read("heads.json") is None
    assert tree.sizes("base/ab") == {}
    assert tree.entries() == {}
    tree.write("heads.json", b"{}")
    assert tree.read("heads.json") == b"{}"
    assert tree.read("heads.json/inside") is None


def test_sizes_are_of_files_below_by_name_and_hidden_folders_are_no_kinds(tree):
    for name, data in (("base/ab/x", b"1"), ("base/ab/y/z", b"123"), (".staging/s/x", b"1")):
        tree.write(name, data)
    tree.write("base/cd/x", b"12")
    tree.write("heads.json", b"{}")
    assert tree.sizes("base/ab") == {"x": 1, "y/z": 3}
    (tree.root / "loose").mkdir()
    found = tree.entries()
    sizes = {folder: {n: size for n, (size, _) in f.items()} for folder, f in found.items()}
    assert sizes == {"base/ab": {".": 0, "x": 1, "y/z": 3}, "base/cd": {".": 0, "x": 2}}
    itself = (tree.root / "base/ab").stat().st_mtime_ns
    assert found["base/ab"]["."] == (0, itself)
    assert tree.folders("base", "a") == {"base/ab": itself}
    changed = (tree.root / "base/ab/y/z").stat().st_mtime_ns
    assert found["base/ab"]["y/z"] == (3, changed)
    assert tree.entries("base", "cd") == {"base/cd": found["base/cd"]}
    assert tree.entries("base", "c" * 64) == {}
    (tree.root / "base" / ("c" * 16)).mkdir()
    assert tree.entries("base", "c" * 64).keys() == {"base/" + "c" * 16}
    assert tree.entries("sft") == {}


def test_an_artifact_is_published_once_and_a_damaged_one_replaced(tree):
    first, second, third = (staged(tree, str(n), b"x" * n) for n in (1, 2, 3))
    assert tree.publish(first, "base/ab", lambda: False)
    assert tree.sizes("base/ab") == {"deep/file": 1}
    assert not tree.publish(second, "base/ab", lambda: True)
    assert second.is_dir()
    assert tree.sizes("base/ab") == {"deep/file": 1}
    assert tree.publish(third, "base/ab", lambda: False)
    assert tree.sizes("base/ab") == {"deep/file": 3}
    assert sorted(path.name for path in (tree.root / ".staging").iterdir()) == ["2"]


def test_changes_at_once_are_all_kept(tree):
    def add(letter: str) -> None:
        for _ in range(20):
            tree.update("log", lambda old: (old or b"") + letter.encode())

    threads = [threading.Thread(target=add, args=(letter,)) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = tree.read("log")
    assert whole is not None
    assert sorted(whole) == sorted(b"abc" * 20)


def test_a_hash_is_of_the_files_bytes(tree):
    tree.write("file", b"abc")  # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert tree.sha256("file") == expected
