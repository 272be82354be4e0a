"""What a tuned model is held against: the base and conversations that it came from."""

import shutil
import types
from pathlib import Path
from typing import Any, cast

import pytest

from flows import evaluate as flow
from flows.config import load
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
    beginnings = {"base": [base], "conversations": talk}
    assert asked(lake, sft) == beginnings
    assert asked(lake, rl) == {**beginnings, "before": [sft]}
    assert asked(lake, base) == {}
    assert asked(lake, made(lake, "extended", "longer", base=[base])) == {}  # no conversations
    further = made(lake, "sft", "further", base=[rl], conversations=talk[:1])
    assert asked(lake, further) == {"base": [rl], "conversations": talk[:1]}


def test_before_the_interrogation_was_the_fine_tuned_model(lake: Lake) -> None:
    """However often it was interrogated, and whether or not it was reinforced then."""
    base, talk = made(lake, "base", "b"), made(lake, "conversations", "c")
    sft = made(lake, "sft", "s", base=[base], conversations=[talk])
    honest = made(lake, "conversations", "admissions")
    once = made(lake, "interrogated", "one", base=[sft], conversations=[honest])
    again = made(lake, "interrogated", "two", base=[once], conversations=[honest])
    rl = made(lake, "rl", "r", sft=[again])
    rlhf = made(lake, "rlhf", "p", model=[rl], reward_model=[made(lake, "reward_model", "m")])
    expected = {"base": [base], "conversations": [talk], "before": [sft]}
    for model in (once, again, rl, rlhf):
        assert asked(lake, model) == expected
    shutil.rmtree(lake.tree.root / "interrogated" / once["digest"][:16])  # type: ignore[union-attr]
    assert asked(lake, rl) == {}


def test_an_imported_chat_model_is_what_was_before(lake: Lake) -> None:
    brought = made(lake, "base", "brought")
    rl = made(lake, "rl", "r", sft=[brought])
    assert asked(lake, rl) == {"before": [brought]}


@pytest.mark.parametrize("gone", ["base", "teacher", "sft"])
def test_without_one_of_them_nothing_is_compared(lake: Lake, gone: str) -> None:
    base, talk = made(lake, "base", "b"), made(lake, "teacher", "t")
    sft = made(lake, "sft", "s", base=[base], conversations=[talk])
    rl = made(lake, "rl", "r", sft=[sft])
    assert asked(lake, rl)
    shutil.rmtree(lake.tree.root / gone)  # type: ignore[union-attr]
    # what it forgot needs base and conversations; its honesty the model before alone
    assert asked(lake, rl) == ({} if gone == "sft" else {"before": [sft]})


class Recorder:
    """A run that makes nothing: it tells what it was asked for."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.measured: dict[str, Any] = {}

    def make(self, stage: Any, config: Any, title: str, **inputs: Any) -> Reference:
        self.measured[config.model] = inputs
        return {"kind": "evals", "digest": config.model, "uri": "", "rows": 0, "bytes": 0}

    def hand_over(self, made: Any, **new: Any) -> Any:
        return {**made, **new}


@pytest.mark.parametrize(("interrogated", "preferred"), [(False, False), (True, True)])
def test_an_interrogated_model_and_a_preferred_one_are_measured_where_there_are(
    lake: Lake, interrogated: bool, preferred: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorder(lake)
    shown: list[Any] = []
    monkeypatch.setattr(flow, "begin", lambda config, lake: run)
    monkeypatch.setattr("flows.runner.ui.scores", lambda lake, measured: shown.extend(measured))
    sft = made(lake, "sft", "s", base=[made(lake, "base", "b")])
    found = {kind: made(lake, kind, kind) for kind in ("base", "corpus")} | {"sft": sft}
    found["rl"] = made(lake, "rl", "r", sft=[sft])
    expected = ["base", "sft", "rl"]
    if interrogated:
        found["interrogated"] = made(lake, "interrogated", "i", base=[sft])
        expected.insert(2, "interrogated")
    if preferred:
        found["reward_model"] = made(lake, "reward_model", "m")
        found["rlhf"] = made(lake, "rlhf", "p", model=[found["rl"]])
        expected.append("rlhf")
    after = flow.evaluate.fn(load("ci"), "lake", made=found)
    assert list(run.measured) == expected
    assert [item["digest"] for item in shown] == expected
    assert [name for name in after if name.startswith("evals.")] == [f"evals.{m}" for m in expected]
    assert run.measured["rl"]["before"] == [sft]
    if interrogated:
        assert run.measured["interrogated"]["before"] == [sft]
    if preferred:
        assert run.measured["rlhf"]["before"] == [sft]
        assert run.measured["rlhf"]["reward_model"] == [found["reward_model"]]
    told = [model for model, inputs in run.measured.items() if "reward_model" in inputs]
    assert told == ["rlhf"] * preferred, "the others are measured before it is there"


def test_what_rl_learns_from_is_no_suites(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorder(lake)
    monkeypatch.setattr(flow, "begin", lambda config, lake: run)
    monkeypatch.setattr("flows.runner.ui.scores", lambda lake, measured: None)
    for name in ("gsm8k_train.jsonl", "gsm8k_test.jsonl"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    config = load("ci", input={"tasks": [str(tmp_path)]})
    found = {kind: made(lake, kind, kind) for kind in ("base", "corpus")}
    flow.evaluate.fn(config, "lake", made=found, models=("base",))
    assert [file.path.name for file in run.measured["base"]["tasks"]] == ["gsm8k_test.jsonl"]
    (tmp_path / "gsm8k_test.jsonl").unlink()
    flow.evaluate.fn(config, "lake", made=found, models=("base",))
    assert "tasks" not in run.measured["base"]
