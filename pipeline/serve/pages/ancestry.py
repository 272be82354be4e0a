"""What an artifact was made from, as rows of a tree: each artifact once, the files at the leaves.

In: how to ask for the list of artifacts and for manifests. Out: rows in the order of reading, each
with its depth. An artifact that stands in several places has its own inputs at the first; what has
very many inputs of one kind (a corpus of a dump has 90,000 parts) shows some and counts the rest.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.serve.lake_reader import LakeReader
from storage.errors import UserError
from storage.manifest import Manifest

FILE = "sha256:"  # an input that is no artifact: "sha256:<hash>:<name>"
MOST_OF_A_KEY = 6  # inputs under one key that are shown
MOST_ROWS = 150  # of a tree, each a manifest that is read
MOST_DEPTH = 16  # the pipeline has ten stages


class InputName(NamedTuple):
    """Of what stands elsewhere, or is a file."""

    kind: str  # "": a file
    name: str  # the artifact's short name, or the file's
    sha256: str = ""  # of a file


class Branch(NamedTuple):
    """A row of the tree: an artifact, or what needs no row of its own."""

    depth: int  # 0: what went into the artifact itself
    key: str  # of the input
    manifest: Manifest | None = None  # of an artifact that is there
    gone: str = ""  # the short name of one that is not
    files: tuple[InputName, ...] = ()
    again: tuple[InputName, ...] = ()  # stand further up with all their inputs
    rest: int = 0  # inputs that are not shown


def ancestry(lake: LakeReader, manifest: Manifest) -> tuple[list[Branch], bool]:
    """The rows below an artifact, and whether these are all."""
    found = lake.rows("SELECT digest, kind FROM artifacts WHERE kind <> 'scan'")
    kinds = dict(zip(found["digest"].to_pylist(), found["kind"].to_pylist()))
    rows: list[Branch] = []
    for row in _below(lake, manifest, 0, kinds, set()):
        if len(rows) == MOST_ROWS:
            return rows, False
        rows.append(row)
    return rows, True


def _below(
    lake: LakeReader, manifest: Manifest, depth: int, kinds: dict[str, str], seen: set[str]
) -> Iterator[Branch]:
    """What stands in the list of kinds first; the rest are parts, which are many, or files."""
    for key, inputs in sorted(manifest.inputs.items(), key=lambda item: (_is_file(item[1]), item)):
        files: list[InputName] = []
        again: list[InputName] = []
        for digest in inputs[:MOST_OF_A_KEY]:
            if digest.startswith(FILE):
                _, sha256, name = digest.split(":", 2)
                files.append(InputName("", name, sha256))
            elif digest in seen:
                again.append(InputName(kinds.get(digest, "scan"), digest[:16]))
            else:
                seen.add(digest)
                made = _manifest(lake, kinds.get(digest, "scan"), digest)
                yield Branch(depth, key, made, "" if made else digest[:16])
                if made and depth < MOST_DEPTH:
                    yield from _below(lake, made, depth + 1, kinds, seen)
        rest = max(0, len(inputs) - MOST_OF_A_KEY)
        if files or again or rest:
            yield Branch(depth, key, files=tuple(files), again=tuple(again), rest=rest)


def _is_file(inputs: list[str]) -> bool:
    return bool(inputs) and inputs[0].startswith(FILE)


def _manifest(lake: LakeReader, kind: str, digest: str) -> Manifest | None:
    try:
        return lake.manifest(kind, digest)
    except UserError:
        return None
