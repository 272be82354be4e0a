"""Which model answers where none is named."""

from pathlib import Path

import pytest

from flows.cli.models import find_model, finished
from storage import Lake
from storage.digest import artifact_digest
from storage.errors import UserError


def make(lake: Lake, kind: str) -> str:
    digest = artifact_digest(kind, 1, {}, {})
    staging = lake.staging(kind, digest)
    staging.mkdir(parents=True, exist_ok=True)
    (staging / "file").write_text(kind)
    lake.commit(staging, kind, digest, 1, {}, {}, {}, {})
    lake.set_heads({kind: digest})
    return digest


def test_the_last_stage_that_the_lake_has_is_talked_to(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with pytest.raises(UserError, match=r"no rl model in lake .* yet .there: none.: run a flow"):
        find_model(lake, finished(lake))
    make(lake, "sft")
    assert finished(lake) == "rl", "who has no more than a fine-tuned model names it"
    make(lake, "rl")
    assert finished(lake) == "rl"
    digest = make(lake, "rlhf")
    assert finished(lake) == "rlhf"
    assert find_model(lake, "rlhf") == find_model(lake, digest) == lake.local("rlhf", digest)
