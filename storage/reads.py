"""What is read of an artifact: which files, and which columns of them.

A lake in an object store fetches no more than that; on a local disk it changes nothing.
"""

import dataclasses
import fnmatch
from collections.abc import Sequence

from storage.manifest import Manifest


@dataclasses.dataclass(frozen=True)
class Read:
    """Files of an artifact by name (`*` for any), of Parquet files perhaps some columns alone."""

    name: str = "*"
    columns: tuple[str, ...] = ()  # () = all


WHOLE = (Read(),)


def wanted(manifest: Manifest, reads: Sequence[Read]) -> dict[str, tuple[str, ...]]:
    """The files that are read, each with its columns, () for all."""
    found: dict[str, tuple[str, ...]] = {}
    for name in [*manifest.files, *manifest.provenance.get("files", {})]:
        fitting = [read for read in reads if fnmatch.fnmatchcase(name, read.name)]
        if any(not read.columns for read in fitting):
            found[name] = ()
        elif fitting:
            found[name] = tuple(sorted({c for read in fitting for c in read.columns}))
    return found
