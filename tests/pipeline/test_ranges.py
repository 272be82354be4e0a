"""A config refuses what can't be meant when it is made, in one line that names the field."""

import ast
import dataclasses
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import ranges
from pipeline.config import from_dict, to_dict
from pipeline.rl.config import RlConfig
from pipeline.sft.config import ConversationsConfig
from pipeline.training.config import ExtendConfig, ModelShape
from storage.errors import UserError

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Toy:
    """One field of each kind."""

    any: float = 0.0
    count: int = 1
    counts: tuple[int, ...] = (1,)
    share: float = 1.0
    beta: float = 0.9
    files: int = -1
    draws: int = 100
    steps: int = 5
    word: str = "a"
    words: tuple[str, ...] = ("a", "b")
    flag: bool = False
    text: str = ""

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="count counts",
            shares="share",
            below_one="beta",
            minus_one="files",
            at_least={"draws": 100},
            at_most={"steps": 5},
            one_of={"word": ("a", "b"), "words": ("a", "b")},
        )
        ranges.refuse(
            self,
            (self.count > self.draws, f"count ({self.count}): more than draws"),
            (self.flag and self.text == "", ": a flag without a text"),
        )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"any": math.nan}, "Toy.any: nan is no finite number"),
        ({"any": math.inf}, "Toy.any: inf is no finite number"),
        ({"any": -math.inf}, "Toy.any: -inf is no finite number"),
        ({"any": -1}, "Toy.any: -1 is negative"),
        ({"files": -2}, "Toy.files: -2 is negative"),
        ({"count": 0}, "Toy.count: 0 must be above 0"),
        ({"counts": (3, 0)}, "Toy.counts: 0 must be above 0"),
        ({"counts": [3, math.nan]}, "Toy.counts: nan is no finite number"),
        ({"share": 1.5}, "Toy.share: 1.5 is no share, which is at most 1"),
        ({"beta": 1.0}, "Toy.beta: 1.0 must be below 1"),
        ({"draws": 99}, "Toy.draws: 99 must be at least 100"),
        ({"steps": 6}, "Toy.steps: 6 is above 5"),
        ({"word": "c"}, "Toy.word: unknown 'c': one of a, b"),
        ({"words": ("a", "c")}, "Toy.words: unknown 'c': one of a, b"),
        ({"count": 101}, "Toy.count (101): more than draws"),
        ({"flag": True}, "Toy: a flag without a text"),
        ({"any": -1, "count": 0}, "Toy.any: -1 is negative"),
    ],
)
def test_what_cannot_be_meant_is_one_line(given, said):
    with pytest.raises(ranges.OutOfRange) as caught:
        Toy(**given)
    assert str(caught.value) == said
    assert isinstance(caught.value, UserError)
    # between processes it stays what it is, and a run's settings know its table by another name
    assert str(pickle.loads(pickle.dumps(caught.value))) == said
    assert caught.value.at("a.toy") == said.replace("Toy", "a.toy")


def test_the_borders_themselves_are_taken():
    taken: dict[str, Any] = {
        "any": 0,
        "share": 0,
        "beta": 0,
        "files": 0,
        "counts": (),
        "words": (),
        "steps": 0,
    }
    assert Toy(**taken, draws=100, count=100, flag=True, text="x").files == 0


def test_a_name_that_is_no_field_s_is_noticed():
    with pytest.raises(AssertionError, match="Toy has no cuont"):
        ranges.check(Toy(), above_zero="cuont share")


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (RlConfig, {"tasks": ()}, "RlConfig.tasks: no task is left to draw"),
        (RlConfig, {"spike_ratio": 1.0}, "RlConfig.spike_ratio must be above 1"),
        (ExtendConfig, {"factor": 0.5}, "ExtendConfig.factor is 0.5: it must be more than 1"),
        (ModelShape, {"heads": 4, "kv_heads": 3}, "ModelShape: 4 heads are no multiple of 3"),
    ],
)
def test_what_does_not_go_together_is_refused_in_python_too(kind, given, said):
    with pytest.raises(UserError, match=said):
        kind(**given)
    with pytest.raises(UserError, match=said):
        from_dict(kind, {**to_dict(kind()), **to_dict(given)})


def test_a_mixture_of_tasks_that_cannot_be_drawn_is_refused():
    assert RlConfig(tasks=("spelling=1",)).tasks == ("spelling=1",)
    with pytest.raises(UserError, match=r"RlConfig.tasks: 'sum:10=1': sum has levels 1 to 9"):
        RlConfig(tasks=("sum:10=1",))
    with pytest.raises(UserError, match=r"ConversationsConfig.task_mixture: 'sum': write KIND"):
        ConversationsConfig(task_mixture=("sum",))


def dataclasses_named_config() -> Iterator[tuple[str, ast.ClassDef]]:
    for folder in ("pipeline", "flows", "storage"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.ClassDef) or not node.name.endswith("Config"):
                    continue
                if any("dataclass" in ast.unparse(one) for one in node.decorator_list):
                    yield f"{file.relative_to(ROOT)}: {node.name}", node


def test_every_config_of_the_house_asks():
    """Those of stages within a stage too, which no table of a run's settings holds."""
    found = dict(dataclasses_named_config())
    assert len(found) > 40
    silent = [name for name, node in found.items() if "ranges.check(self" not in ast.unparse(node)]
    assert not silent
