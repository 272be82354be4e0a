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
from typing import Any, NotRequired, TypedDict

from storage.digest import canonical_json, file_sha256
from storage.errors import UserError
from storage.tables import row_count

LAKE_FORMAT = 1  # raised when a reader of the old format would misread the new one
MANIFEST = "manifest.json"
PROVENANCE = "provenance/"


class FileEntry(TypedDict):
    """What a manifest says of one file."""

    bytes: int
    sha256: str  # 64 hex digits


Files = dict[str, FileEntry]  # by name, below the artifact's folder


class TextServed(TypedDict):
    """What a part's text was used for before it was dropped (flows.raw_text)."""

    question: str  # a digest
    made: dict[str, str]  # digests by slot


class PrefectRun(TypedDict):
    """The run of a task that made an artifact."""

    id: str
    flow: str  # the flow run's name
    url: NotRequired[str]  # of its page, where Prefect has pages that outlive the run


class Provenance(TypedDict, total=False):
    """How an artifact came to be; every run may say it otherwise, and some leave some of it out."""

    created: str  # UTC, ISO 8601
    host: str
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    energy_kwh: float
    energy_method: str
    machine: str
    packages: dict[str, str]  # versions
    git_commit: str
    command: str
    input_paths: dict[str, list[str]]  # of input files, by the input's key
    files: Files  # below provenance/
    text_served: TextServed
    prefect_run: PrefectRun


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
    provenance: Provenance

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
    """Read manifest.json.

    Args:
        data: the file's bytes.
        where: named in errors.

    Raises:
        Damaged: it can't be read.
        UserError: a newer version wrote it.
    """
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
    """Size and hash of every file of a folder.

    Returns:
        Content files, rows of the Parquet files among them, and provenance files.
    """
    content: Files = {}
    provenance: Files = {}
    rows: dict[str, int] = {}
    for name in file_names(folder):
        path = folder / name
        entry: FileEntry = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        if name.startswith(PROVENANCE):
            provenance[name] = entry
            continue
        content[name] = entry
        if name.endswith(".parquet"):
            rows[name] = row_count(path)
    return content, rows, provenance


def file_names(folder: Path) -> list[str]:
    """Names of all files below a folder, sorted, with forward slashes.

    Raises:
        ValueError: a link is among them.
    """
    names = []
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if (Path(root) / name).is_symlink():
                raise ValueError(f"{Path(root) / name}: an artifact holds files, not links")
        names += [(Path(root) / name).relative_to(folder).as_posix() for name in files]
    return sorted(names)


def check_statistics(statistics: dict[str, Any], kind: str) -> None:
    """ValueError unless statistics, which are part of the content, are plain JSON without NaN."""
    try:
        canonical_json(statistics)
    except (TypeError, ValueError) as error:
        raise ValueError(f"statistics of {kind}: {error}") from error
