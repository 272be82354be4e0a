"""Libraries of others are what their lists say, byte for byte, and nothing lies beside them."""

import hashlib
import tomllib
from pathlib import Path

import pytest

import pipeline.serve.pages

FOLDERS = (
    Path(pipeline.serve.pages.__file__).parent / "static" / "vendor",
    Path(__file__).parents[3] / "vendor",
)


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "tests"])
def test_what_is_vendored_is_what_the_list_says(folder: Path) -> None:
    listed = tomllib.loads((folder / "VENDORED.toml").read_text(encoding="utf-8"))
    hashes: dict[str, str] = {}
    for entry in listed.values():
        assert entry["version"] in entry["source"]
        assert entry["licence"]
        assert any(name.endswith("LICENSE") for name in entry["files"])
        hashes |= entry["files"]
    lying = {file.name for file in folder.iterdir()} - {"VENDORED.toml"}
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in lying}
    assert found == hashes
