"""Where benchmarks write: between two markers of a page of docs/, and nowhere else.

`<!-- NAME:begin -->` and `<!-- NAME:end -->`. NAME stands in the script that measures, the page in
the Makefile (`--write docs/benchmarks.md`).
"""

import argparse
from pathlib import Path


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--write PAGE`: without it a benchmark only prints what it measured."""
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write between its markers here")


def write_table(page: Path, name: str, text: str) -> None:
    """Text between the two markers of a name, which must be there."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, opening, rest = page.read_text().partition(begin)
    _, closing, after = rest.partition(end)
    if not opening or not closing:
        raise SystemExit(f"{page} has no {begin} … {end}")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
