"""An artifact's manifest: what it is, of what it was made, which files it holds.

Two parts. Content is reproducible to the byte: kind, version, recipe, inputs, files with sizes
and hashes, row counts, statistics (which name what `Lake.replace` took away since). Provenance
is free to differ from run to run: time, host, seconds, energy, and the files below `provenance/`
(what a clock measured).
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from storage.digest import canonical_json, file_sha256
from storage.errors import UserError
from storage.tables import row_count

LAKE_FORMAT = 1  # raised when a reader of the old format would misread the new one
MANIFEST = "manifest.json"
PROVENANCE = "provenance/"

Files = dict[str, dict[str, Any]]  # name -> {"bytes": int, "sha256": 64 hex digits}


class Damaged(ValueError):
    """A manifest that can't be read: its artifact counts as absent and is built again."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Of one committed artifact."""

    kind: str
    digest: str
    version: int
    recipe: dict[str, Any]
    inputs: dict[str, list[str]]  # digests of artifacts, or "sha256:<hash>:<name>" of files
    files: Files  # content files alone
    rows: dict[str, int]  # of each Parquet file
    statistics: dict[str, Any]
    provenance: dict[str, Any]  # "created" (UTC, ISO 8601), "files" (below provenance/), …

    @property
    def artifact(self) -> str:
        """The short name: the folder's, and the column `artifact` of the views."""
        return self.digest[:16]

    @property
    def total_bytes(self) -> int:
        """Size of the content files."""
        return sum(file["bytes"] for file in self.files.values())

    def content(self) -> dict[str, Any]:
        """The reproducible part."""
        fields = dataclasses.asdict(self)
        del fields["provenance"]
        return fields

    def to_json(self) -> bytes:
        """The file manifest.json."""
        whole = {
            "format": LAKE_FORMAT,
            "content": self.content(),
            "provenance": self.provenance,
        }
        text = json.dumps(whole, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
        return (text + "\n").encode()


def parse(data: bytes, where: str) -> Manifest:
    """Read manifest.json; a newer format is the user's to solve, damage raises `Damaged`."""
    try:
        whole = json.loads(data)
        written_by = int(whole["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{where}: {error}") from error
    if written_by > LAKE_FORMAT:
        raise UserError(
            f"{where}: written by a newer version (lake format {written_by}, this one reads up to"
            f" {LAKE_FORMAT}): update crawl2chat or use another lake"
        )
    try:
        return Manifest(**whole["content"], provenance=whole["provenance"])
    except (KeyError, TypeError) as error:
        raise Damaged(f"{where}: {error}") from error


def measure(folder: Path) -> tuple[Files, dict[str, int], Files]:
    """Content files, rows of the Parquet files among them, and provenance files of a folder."""
    content: Files = {}
    provenance: Files = {}
    rows: dict[str, int] = {}
    for name in file_names(folder):
        path = folder / name
        entry = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        if name.startswith(PROVENANCE):
            provenance[name] = entry
            continue
        content[name] = entry
        if name.endswith(".parquet"):
            rows[name] = row_count(path)
    return content, rows, provenance


def file_names(folder: Path) -> list[str]:
    """Names of all files below a folder, sorted, with forward slashes; links are refused."""
    names = []
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if (Path(root) / name).is_symlink():
                raise ValueError(f"{Path(root) / name}: an artifact holds files, not links")
        names += [(Path(root) / name).relative_to(folder).as_posix() for name in files]
    return sorted(names)


def check_statistics(statistics: dict[str, Any], kind: str) -> None:
    """Statistics are part of the content: plain JSON, no NaN."""
    try:
        canonical_json(statistics)
    except (TypeError, ValueError) as error:
        raise ValueError(f"statistics of {kind}: {error}") from error
