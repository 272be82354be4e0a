"""What stands for data between tasks: a small JSON reference to an artifact, or a file by its
hash.
"""

import dataclasses
from pathlib import Path

from typing_extensions import TypedDict

from storage import Lake
from storage.file_hashes import FileState
from storage.manifest import Manifest


class Reference(TypedDict):
    """What Prefect keeps of an artifact."""

    kind: str
    digest: str
    uri: str
    rows: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A file that is an input by its content, wherever it lies."""

    path: Path
    sha256: str
    # when the hash was taken; None where it was taken elsewhere, or a moment ago
    state: FileState | None = dataclasses.field(default=None, compare=False)


def reference(manifest: Manifest, lake: Lake) -> Reference:
    """The small stand-in for a committed artifact."""
    rows = sum(manifest.rows.values())
    return stand_in(lake, manifest.kind, manifest.digest, rows, manifest.total_bytes)


def stand_in(lake: Lake, kind: str, digest: str, rows: int, size: int) -> Reference:
    """For an artifact of so many rows and bytes."""
    uri = lake.folder(kind, digest)
    return {"kind": kind, "digest": digest, "uri": uri, "rows": rows, "bytes": size}
