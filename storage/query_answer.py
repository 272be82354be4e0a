"""The answer to a stranger's query: its cells as texts, cut to what people read."""

import dataclasses
from typing import Any

TOO_MUCH_MEMORY = "SQL: the query takes too much memory: ask for less"


@dataclasses.dataclass(frozen=True)
class QueryAnswer:
    """Of one SELECT."""

    columns: tuple[str, ...]
    types: tuple[str, ...]  # DuckDB's, of each column
    rows: tuple[tuple[str | None, ...], ...]  # None: SQL's NULL
    is_cut: bool  # there were more rows
    seconds: float  # that the query took, reading the lake's list included

    @classmethod
    def of(cls, told: dict[str, Any]) -> "QueryAnswer":
        """From JSON."""
        rows = tuple(tuple(row) for row in told["rows"])
        names, types = tuple(told["columns"]), tuple(told["types"])
        return cls(names, types, rows, told["is_cut"], told["seconds"])


def too_slow(seconds: float) -> str:
    """What is said of a query that took longer."""
    return f"SQL: the query took more than {seconds:g} s: ask for less"
