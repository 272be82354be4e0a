"""Rows on stdout: as a table for people, as one JSON document for programs."""

import csv
import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.runner import streams

MAX_ROWS = 60  # of a table for people
MAX_CELL_CHARACTERS = 300
PIPE_WIDTH = 200  # columns, where stdout is no terminal


def document(value: Any) -> None:
    """The one JSON document of a command."""
    in_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(_finite(value), ensure_ascii=not in_unicode, default=str, indent=1))


def rows(
    head: Sequence[str],
    body: Iterable[Sequence[Any]],
    title: str = "",
    most: int = MAX_ROWS,
    total: int = 0,
) -> None:
    """A table; what is too much is cut, and it says so. `total`: where `body` is a beginning."""
    lines = list(body)
    grid = Table(title=title or None, box=box.SIMPLE, title_justify="left", pad_edge=False)
    for column, name in enumerate(head):
        numbers = bool(lines) and all(isinstance(line[column], int | float) for line in lines)
        grid.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for line in lines[:most]:
        grid.add_row(*(Text(_cell(value)) for value in line))
    console = Console(highlight=False, force_terminal=not streams.is_plain(sys.stdout))
    if not sys.stdout.isatty():
        console.width = PIPE_WIDTH
    console.print(grid)
    total = max(total, len(lines))
    if total > most:
        print(f"… {total - most:,} more rows (--json shows all)")


def said(text: str, end: str = "\n") -> None:
    """Text of a page or a model: as it is into a file, harmless on a terminal."""
    print(streams.harmless(text) if sys.stdout.isatty() else text, end=end, flush=True)


def comma_separated(head: Sequence[str], body: Iterable[Sequence[Any]]) -> None:
    """RFC 4180, but for the ends of lines: shells and their tools would keep the CR."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(body)


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinity: null stands for them, as in JavaScript."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = streams.harmless(str(value))
    return text if len(text) <= MAX_CELL_CHARACTERS else text[:MAX_CELL_CHARACTERS] + " …"
