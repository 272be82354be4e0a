"""What a tuned model is held against: the base and conversations that it came from."""

import shutil
import types
from pathlib import Path
from typing import Any, cast

import pytest

from flows.evaluate import began_with
from flows.runner.flow_run import Run
from flows.runner.references import Reference, reference
from storage import Lake
from storage.digest import artifact_digest


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def made(lake: Lake, kind: str, name: str, **inputs: list[Reference]) -> Reference:
    given = {slot: [found["digest"] for found in references] for slot, references in inputs.items()}
    digest = artifact_digest(kind, 1, {"name": name}, given)
    staging = lake.staging(kind, digest)
    staging.mkdir(parents=True, exist_ok=True)
    (staging / "file").write_text(name)
    return reference(lake.commit(staging, kind, digest, 1, {"name": name}, given, {}, {}), lake)


def asked(lake: Lake, model: Reference) -> dict[str, list[Any]]:
    return cast(
        dict[str, list[Any]], began_with(cast(Run, types.SimpleNamespace(lake=lake)), model)
    )


def test_a_tuned_model_began_with_its_own_base(lake: Lake) -> None:
    """Whatever base the lake's newest is, and through as many tunings as there were."""
    base = made(lake, "base", "old")
    talk = [made(lake, kind, kind) for kind in ("conversations", "teacher")]
    sft = made(lake, "sft", "tuned", base=[base], conversations=talk)
    rl = made(lake, "rl", "reinforced", sft=[sft])
    lake.set_heads({"base": made(lake, "base", "new")["digest"]})
    for model in (sft, rl):
        found = asked(lake, model)
        assert found == {"base": [base], "conversations": talk}
    assert asked(lake, base) == {}
    assert asked(lake, made(lake, "extended", "longer", base=[base])) == {}  # no conversations
    further = made(lake, "sft", "further", base=[rl], conversations=talk[:1])
    assert asked(lake, further) == {"base": [rl], "conversations": talk[:1]}


@pytest.mark.parametrize("gone", ["base", "teacher", "sft"])
def test_without_one_of_them_nothing_is_compared(lake: Lake, gone: str) -> None:
    base, talk = made(lake, "base", "b"), made(lake, "teacher", "t")
    sft = made(lake, "sft", "s", base=[base], conversations=[talk])
    rl = made(lake, "rl", "r", sft=[sft])
    assert asked(lake, rl)
    shutil.rmtree(lake.tree.root / gone)  # type: ignore[union-attr]
    assert asked(lake, rl) == {}
