"""Tables go between their markers, and each benchmark's markers stand in the page it writes."""

import re
from pathlib import Path

import pytest

from tests.benchmarks.tables import write_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = re.compile(r'^(?:[A-Z]+_)?TABLE = "(.+)"$', re.MULTILINE)


def test_the_page_keeps_what_is_around_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a:begin -->\nold\n<!-- a:end -->\nafter\n")
    write_table(page, "a", "new\n")
    assert page.read_text() == "before\n<!-- a:begin -->\nnew\n<!-- a:end -->\nafter\n"
    with pytest.raises(SystemExit, match="has no <!-- b:begin -->"):
        write_table(page, "b", "new")


def test_each_table_has_its_place_in_the_page_that_make_writes() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    makefile = makefile.replace("$(PAGE)", re.findall(r"^PAGE \?= (.+)$", makefile, re.M)[0])
    written = dict(re.findall(r"-m tests\.benchmarks\.(\w+) .*--write (\S+)", makefile))
    scripts = [s for s in Path(__file__).parent.glob("*.py") if s.name != Path(__file__).name]
    tables = {script.stem: TABLE.findall(script.read_text()) for script in scripts}
    tables = {name: found for name, found in tables.items() if found}
    assert {"corpus", "demo_seeds", "engine", "scale", "training"} <= set(written) <= set(tables)
    for name, table in ((name, table) for name, found in tables.items() for table in found):
        page = (ROOT / written.get(name, "docs/benchmarks.md")).read_text()
        marks = [page.find(f"<!-- {table}:{end} -->") for end in ("begin", "end")]
        assert 0 <= marks[0] < marks[1], (name, table)
        assert page.count(f"<!-- {table}:") == 2, (name, table)
