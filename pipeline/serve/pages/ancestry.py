"""What an artifact was made from, as rows of a tree: each artifact once, the files at the leaves.

In: how to ask for the list of artifacts and for manifests. Out: rows in the order of reading, each
with its depth. An artifact that stands in several places has its own inputs at the first; what has
very many inputs of one kind (a corpus of a dump has 90,000 parts) shows some and counts the rest.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.serve.lake_reader import LakeReader
from storage.errors import UserError
from storage.manifest import Manifest

FILE = "sha256:"  # an input that is no artifact: "sha256:<hash>:<name>"
MOST_OF_A_KEY = 6  # inputs under one key that are shown
MOST_ROWS = 150  # of a tree, each a manifest that is read
MOST_DEPTH = 16  # the pipeline has ten stages


class Ancestor(NamedTuple):
    """A row of the tree."""

    depth: int  # 0: what went into the artifact itself
    key: str  # of the input
    kind: str  # "": a file
    name: str  # the artifact's short name, the file's, or how many are not shown
    sha256: str  # of a file
    manifest: Manifest | None  # None of a file, of what is gone, of what isn't shown
    is_again: bool  # it stands further up with all its inputs


def ancestry(lake: LakeReader, manifest: Manifest) -> list[Ancestor]:
    """The rows below an artifact."""
    kinds = _kinds_of(lake)
    rows: list[Ancestor] = []
    seen: set[str] = set()
    for row in _below(lake, manifest, 0, kinds, seen):
        rows.append(row)
        if len(rows) >= MOST_ROWS:
            rows.append(Ancestor(0, "", "", "and more", "", None, False))
            break
    return rows


def _below(
    lake: LakeReader, manifest: Manifest, depth: int, kinds: dict[str, str], seen: set[str]
) -> Iterator[Ancestor]:
    for key, inputs in sorted(manifest.inputs.items()):
        for digest in inputs[:MOST_OF_A_KEY]:
            if digest.startswith(FILE):
                _, sha256, name = digest.split(":", 2)
                yield Ancestor(depth, key, "", name, sha256, None, False)
                continue
            found = _manifest(lake, kinds.get(digest), digest)
            is_again = digest in seen
            seen.add(digest)
            kind = found.kind if found else kinds.get(digest, "")
            yield Ancestor(depth, key, kind, digest[:16], "", found, is_again)
            if found and not is_again and depth < MOST_DEPTH:
                yield from _below(lake, found, depth + 1, kinds, seen)
        if len(inputs) > MOST_OF_A_KEY:
            rest = f"and {len(inputs) - MOST_OF_A_KEY:,} more"
            yield Ancestor(depth, key, "", rest, "", None, False)


def _kinds_of(lake: LakeReader) -> dict[str, str]:
    """By digest: inputs name no kind."""
    found = lake.rows("SELECT digest, kind FROM artifacts WHERE kind <> 'scan'")
    return dict(zip(found["digest"].to_pylist(), found["kind"].to_pylist()))


def _manifest(lake: LakeReader, kind: str | None, digest: str) -> Manifest | None:
    """Parts are the many: what is not in the list of others is one of them, or gone."""
    try:
        return lake.manifest(kind or "scan", digest)
    except UserError:
        return None


def recipe_text(recipe: dict[str, object]) -> str:
    """As people read it."""
    return json.dumps(recipe, indent=2, sort_keys=True, ensure_ascii=False)
