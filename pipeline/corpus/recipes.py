"""The named recipes of a corpus, and where a config departs from the one it says it follows.

FineWeb's paper (arXiv 2406.17557) and FineWeb's code differ in one threshold: duplicate-line
characters, 0.1 in the paper and 0.01 in the code since its first commit.
"""

import dataclasses
from typing import Any

from pipeline.config import to_dict
from pipeline.corpus.config import CorpusConfig
from pipeline.filters.fineweb import FinewebConfig
from storage.errors import UserError

RECIPES = {
    "fineweb-code": CorpusConfig(
        recipe="fineweb-code", fineweb=FinewebConfig(max_duplicate_line_character_fraction=0.01)
    ),
    "fineweb-paper": CorpusConfig(
        recipe="fineweb-paper", fineweb=FinewebConfig(max_duplicate_line_character_fraction=0.1)
    ),
}


def recipe(name: str) -> CorpusConfig:
    """A named recipe as published."""
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}: one of {', '.join(sorted(RECIPES))}")
    return dataclasses.replace(RECIPES[name])


def deviations(config: CorpusConfig) -> list[str]:
    """One line for each value that is not the named recipe's: key, value and the recipe's value."""
    published = _flat(to_dict(recipe(config.recipe)))
    return [
        f"{key}: {_show(value)} ({config.recipe}: {_show(published[key])})"
        for key, value in _flat(to_dict(config)).items()
        if value != published[key]
    ]


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _show(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
