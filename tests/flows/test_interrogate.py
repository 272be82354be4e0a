"""The flow interrogate: rounds until labels settle, each from the model of the round before."""

import types
from typing import Any

import pytest

from flows import interrogate as story
from flows.config import load
from pipeline.stage import Stage


class Scripted:
    """A run whose interrogations find what they are told to."""

    def __init__(self, config: Any, changed: list[float | None], conversations: int = 8) -> None:
        self.config = config
        self.left, self.conversations = list(changed), conversations
        self.done: list[tuple[str, dict[str, list[str]]]] = []
        self.lake = types.SimpleNamespace(manifest=self._manifest)
        self.statistics: dict[str, dict[str, Any]] = {}

    def _manifest(self, kind: str, digest: str) -> Any:
        return types.SimpleNamespace(statistics=self.statistics[digest])

    def make(self, stage: Stage[Any], config: Any, title: str, **inputs: Any) -> dict[str, str]:
        digest = f"{stage.kind}-{len(self.done)}"
        self.done.append((stage.kind, {k: [i["digest"] for i in v] for k, v in inputs.items()}))
        if stage.kind == "interrogation":
            changed = self.left.pop(0)
            self.statistics[digest] = {"changed": changed, "conversations": self.conversations}
        return {"kind": stage.kind, "digest": digest}

    train = make

    def hand_over(self, made: Any, **new: Any) -> Any:
        return {**made, **new}


MADE: dict[str, Any] = {
    name: {"kind": name, "digest": name}
    for name in ("sft", "corpus", "tokens", "conversations", "teacher", "base")
}


def told(
    monkeypatch: pytest.MonkeyPatch,
    changed: list[float | None],
    made: dict[str, Any] = MADE,
    rounds: int = 3,
    conversations: int = 8,
) -> tuple[Scripted, dict[str, Any]]:
    config = load("ci", [f"interrogation.rounds={rounds}", "interrogation.settled_share=0.05"])
    run = Scripted(config, changed, conversations)
    monkeypatch.setattr(story, "begin", lambda *_: run)
    monkeypatch.setattr("flows.runner.ui.curves", lambda *_: None)
    return run, story.interrogate.fn(config, "lake", dict(made))


def test_rounds_until_labels_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = told(monkeypatch, [None, 0.2, 0.05])
    assert [kind for kind, _ in run.done] == [
        "interrogation",
        "interrogated",
        "interrogation",
        "interrogated",
        "interrogation",
    ]
    asked = [inputs for kind, inputs in run.done if kind == "interrogation"]
    assert asked[0] == {"model": ["sft"], "corpus": ["corpus"]}
    assert asked[1]["model"] == ["interrogated-1"]
    assert asked[1]["before"] == ["interrogation-0"]
    taught = [inputs for kind, inputs in run.done if kind == "interrogated"]
    for number, inputs in enumerate(taught):
        assert inputs["base"] == ["sft"]  # the first model anew
        assert inputs["tokens"] == ["tokens"]
        assert inputs["conversations"] == [
            "conversations",
            "teacher",
            f"interrogation-{2 * number}",
        ]
    assert made["interrogated"]["digest"] == "interrogated-3"
    assert made["interrogation"]["digest"] == "interrogation-4"


def test_no_more_rounds_than_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = told(monkeypatch, [None, 0.9], rounds=2)
    assert len(run.done) == 4
    assert made["interrogated"]["digest"] == "interrogated-3"


def test_without_pages_or_without_anything_to_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = told(monkeypatch, [None], {"sft": MADE["sft"]})
    assert run.done == []
    assert made == {"sft": MADE["sft"]}
    run, made = told(monkeypatch, [None], conversations=0)
    assert [kind for kind, _ in run.done] == ["interrogation"]
    assert made == MADE
