"""What is written down of the software that made an artifact."""

import platform
import re
import tomllib
import unicodedata
from pathlib import Path

import pytest

from pipeline import provenance

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_package_that_computes_is_named_with_its_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [re.match(r"[A-Za-z0-9._-]+", line) for line in project["dependencies"]]
    names = sorted(match[0] for match in wanted if match)
    assert provenance.needed() == names
    packages = provenance.TaskMeter().read(0.0, 0)["packages"]
    assert packages["python"] == f"{platform.python_implementation()} {platform.python_version()}"
    assert packages["unicode"] == unicodedata.unidata_version
    assert packages.keys() >= {*names, "lxml", "idna"}
    assert all(version[0].isalnum() for version in packages.values())


def test_a_bare_copy_of_the_sources_knows_no_packages_but_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provenance, "DISTRIBUTION", "crawl2chat-that-nobody-has-installed")
    assert provenance.needed() == []
