"""A law of the house that import-linter has no contract for: what a bare GPU machine must have."""

import sys

import grimp

ROOMS = ("model", "training", "curriculum", "chat", "sft", "rl", "evals")
INSTALLED = {"numpy", "pyarrow", "safetensors", "tiktoken", "tokenizers", "torch"}


def test_models_are_trained_and_asked_with_six_packages_alone() -> None:
    """Imports inside functions count as well: they run there too."""
    graph = grimp.build_graph("pipeline", "storage", include_external_packages=True, cache_dir=None)
    for room in (f"pipeline.{name}" for name in ROOMS):
        modules = {room, *graph.find_descendants(room)}
        reached = modules.union(*map(graph.find_upstream_modules, modules))
        packages = {module.split(".")[0] for module in reached}
        foreign = packages - {"pipeline", "storage"} - sys.stdlib_module_names
        assert foreign <= INSTALLED, (room, sorted(foreign - INSTALLED))
