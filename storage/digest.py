"""Digests: what an artifact is called, and what a file holds.

An artifact's digest is the SHA-256 over canonical JSON of {kind, version, recipe, inputs}: same
question, same name. Canonical JSON follows RFC 8785 in what matters here: sorted keys, no spaces,
no NaN, floats in their shortest form and whole floats as integers, so that a threshold of 1 and
one of 1.0 are one recipe.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Beyond 2**53 a double no longer tells neighbouring integers apart: such floats stay floats.
MAX_EXACT_INTEGER = 2**53


def canonical_json(value: Any) -> bytes:
    """JSON-ready data as the one byte string that stands for it (ASCII)."""
    plain = _plain(value, "$")
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def artifact_digest(
    kind: str, version: int, recipe: Mapping[str, Any], inputs: Mapping[str, Sequence[str]]
) -> str:
    """The name of an artifact, 64 hex digits; the order inside an input's list counts."""
    question = {
        "kind": kind,
        "version": version,
        "recipe": recipe,
        "inputs": {key: list(digests) for key, digests in inputs.items()},
    }
    return hashlib.sha256(canonical_json(question)).hexdigest()


def file_digest(sha256: str, name: str) -> str:
    """A file among inputs: content and name, since the ledger and ids carry its name."""
    return f"sha256:{sha256}:{name}"


def file_sha256(path: Path | str) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where}: {value} has no place in JSON")
        whole = value.is_integer() and abs(value) <= MAX_EXACT_INTEGER
        return int(value) if whole else float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where}: key {key!r} is not a string")
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise TypeError(f"{where}: {type(value).__name__} is not JSON")
