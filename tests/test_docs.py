"""README and docs: links lead somewhere, commands parse, names exist, figures stand in the tables.

Whatever is renamed or moved fails here until the pages say so.
"""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.cli.arguments import parser
from flows.config import load, parse_change
from flows.config_tables import DEFAULT_PRESET
from pipeline.serve.config import ServeConfig
from storage import Lake
from storage.catalog import query

ROOT = Path(__file__).resolve().parents[1]
CHANGELOG = "CHANGELOG.md"  # says what was: its commands and paths may be gone
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/*.md"),
        *ROOT.glob("deployments/*.md"),
        *ROOT.glob(".github/**/*.md"),
    ]
)
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
PRESENT = [page for page in PAGES if page.name != CHANGELOG]
PRESENT_IDS = [name for name in IDS if name != CHANGELOG]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
README_WORDS = range(1_000, 1_301)
SECTIONS = ("flows", "pipeline", "storage", "tests", "docs", "examples", "deployments")


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The ids that GitHub and the docs site give to headings."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"`|\[|\]\([^)]*\)", "", head)) for head in heads]
    return {head.strip().lower().replace(" ", "-") for head in plain}


def code(page: Path) -> Iterator[str]:
    """Lines of code blocks, continued lines as one, and pieces of code within sentences."""
    text = page.read_text()
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()[1:-1]
    indented = re.findall(r"^ {4}(\S.*)$", FENCE.sub("", text), re.MULTILINE)
    yield from indented
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def commands(page: Path) -> list[list[str]]:
    """Each `crawl2chat …` of a page, as words, but for those that are cut short by …."""
    found = []
    for line in code(page):
        match = re.match(r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?crawl2chat ([a-z].*)", line.strip())
        if match and "…" not in match[1]:
            found.append(shlex.split(match[1], comments=True))
    return found


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_pictures_are_small() -> None:
    pictures = [*(ROOT / "docs" / "images").iterdir()]
    assert {path.suffix for path in pictures} == {".png", ".svg"}
    assert max(path.stat().st_size for path in pictures) < 300_000


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) in README_WORDS


@pytest.mark.parametrize("page", PRESENT, ids=PRESENT_IDS)
def test_commands_parse_and_their_settings_exist(page: Path) -> None:
    for words in commands(page):
        if len(words) == 1:  # a command's name within a sentence
            words = [*words, "--help"]
        try:
            chosen = parser().parse_args(words)
        except SystemExit as end:
            assert end.code == 0, f"crawl2chat {shlex.join(words)}"  # noqa: PT017
            continue
        changes = [change for change in getattr(chosen, "set", []) if "KEY" not in change]
        if chosen.command == "serve":  # which has limits of its own
            ServeConfig(**dict(map(parse_change, changes)))
            continue
        load(getattr(chosen, "preset", None) or DEFAULT_PRESET, changes)


def test_the_pages_show_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 50


@pytest.mark.parametrize("page", PRESENT, ids=PRESENT_IDS)
def test_names_in_the_pages_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in code(page):
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", line):
            assert target in targets, line
        for module in re.findall(r"python3? -m ((?:tests|pipeline|flows)[\w.]+)", line):
            assert importlib.util.find_spec(module), line
    for path in re.findall(r"`([a-z_.]+/[\w/.-]*)`", prose(page)):
        if path.split("/")[0] in SECTIONS:
            near = [ROOT / path, *ROOT.glob(f"{path}*")]
            assert any(place.exists() for place in near), path


@pytest.mark.parametrize("page", PRESENT, ids=PRESENT_IDS)
def test_nothing_names_what_a_reader_does_not_have(page: Path) -> None:
    text = page.read_text()
    for words in ("../shared", "shared/crawl", "not measured", "to be measured"):
        assert words not in text, words


def test_the_readmes_figures_stand_in_the_tables() -> None:
    _, _, section = (ROOT / "README.md").read_text().partition("\n## Figures\n")
    table = section.partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 7
    tables = (ROOT / "docs" / "benchmarks.md").read_text()
    for row in rows:
        for figure in re.findall(r"(?<![\w.])\d[\d,]*\.\d+%?|\d,\d{3}", row.split("|", 2)[2]):
            assert figure in tables, (figure, row)


def test_the_pages_sql_runs(ci_run: Any) -> None:
    asked = {
        words[1] for page in PRESENT for words in commands(page) if words[0] == "sql" and words[1:]
    }
    asked = {sql for sql in asked if not sql.startswith("-")}  # --unsafe writes
    assert len(asked) > 5
    for sql in sorted(asked):
        query(Lake(ci_run.lake), sql)  # a name that no view has raises
