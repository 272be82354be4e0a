"""Small artifacts for the tests of the lake."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from small_disk import small_disk  # noqa: F401

from storage import Lake
from storage.digest import artifact_digest
from storage.manifest import Manifest, Provenance
from storage.tables import write_table


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def make() -> Callable[..., Manifest]:
    """make(lake, kind, files, recipe=…, inputs=…): commit tables or bytes as an artifact."""

    def commit(
        lake: Lake,
        kind: str,
        files: dict[str, pa.Table | bytes],
        recipe: dict | None = None,
        inputs: dict[str, list[str]] | None = None,
        version: int = 1,
        statistics: dict | None = None,
        provenance: Provenance | None = None,
    ) -> Manifest:
        recipe, inputs = recipe or {}, inputs or {}
        digest = artifact_digest(kind, version, recipe, inputs)
        staging = lake.staging(kind, digest)
        for name, content in files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                (staging / name).write_bytes(content)
            else:
                write_table(content, staging / name)
        return lake.commit(
            staging, kind, digest, version, recipe, inputs, statistics or {}, provenance or {}
        )

    return commit
