"""Settings of runs side by side: the recipe's tables laid flat, and what differs between them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class SettingRow(NamedTuple):
    """One of them."""

    name: str  # "loop.steps"
    values: list[str]  # of each run, as JSON; "": it has none
    differs: bool


def settings(recipes: Sequence[Mapping[str, Any]]) -> list[SettingRow]:
    """All settings of these runs, those that differ first, each part by name."""
    flat = [dict(_flat("", recipe)) for recipe in recipes]
    names = sorted({name for one in flat for name in one})
    rows = [SettingRow(name, [one.get(name, "") for one in flat], False) for name in names]
    marked = [row._replace(differs=len(set(row.values)) > 1) for row in rows]
    return sorted(marked, key=lambda row: not row.differs)


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        return [
            found
            for name, part in value.items()
            for found in _flat(f"{prefix}.{name}" if prefix else str(name), part)
        ]
    return [(prefix, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))]
