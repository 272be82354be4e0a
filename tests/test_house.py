"""Laws of the house that import-linter has no contract for: what a bare GPU machine must have, and
that one name stands for one thing."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

HOUSE = Path(__file__).parents[1]
# Files of these names mean the same in every room; a flow may be called as the stage that it runs.
CONVENTIONS = {"__init__", "__main__", "config", "stage", "train"}
ROOMS = (
    *("model", "training", "curriculum", "chat", "tools", "sft", "rl", "preferences", "evals"),
    "connect_four",
)
INSTALLED = {"numpy", "pyarrow", "safetensors", "tiktoken", "tokenizers", "torch"}
# Asked for where it is used, with a word about what to install: tests/pipeline/tools/test_toolbox.
OPTIONAL = {"pydantic_monty"}


def test_models_are_trained_and_asked_with_six_packages_alone() -> None:
    """Imports inside functions count as well: they run there too."""
    graph = grimp.build_graph("pipeline", "storage", include_external_packages=True, cache_dir=None)
    for room in (f"pipeline.{name}" for name in ROOMS):
        modules = {room, *graph.find_descendants(room)}
        reached = modules.union(*map(graph.find_upstream_modules, modules))
        packages = {module.split(".")[0] for module in reached}
        foreign = packages - {"pipeline", "storage"} - sys.stdlib_module_names
        assert foreign <= INSTALLED | OPTIONAL, (room, sorted(foreign - INSTALLED))


def modules(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((HOUSE / room).rglob("*.py"))


def doubles(named: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for name, place in named:
        places[name].append(place)
    return {name: found for name, found in places.items() if len(found) > 1}


@pytest.mark.parametrize("rooms", [("pipeline", "storage"), ("flows",)])
def test_no_two_modules_bear_one_name(rooms: tuple[str, ...]) -> None:
    paths = (path for path in modules(*rooms) if path.stem not in CONVENTIONS)
    assert doubles((path.stem, path.relative_to(HOUSE).as_posix()) for path in paths) == {}


def test_no_two_classes_bear_one_name() -> None:
    """Private ones may: the fused and the plain way of an operation are classes of one name."""
    named = (
        (node.name, f"{path.relative_to(HOUSE)}:{node.lineno}")
        for path in modules("pipeline", "storage", "flows")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert doubles(named) == {}
