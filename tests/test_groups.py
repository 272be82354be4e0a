"""Tests that share something costly run in one process: else each process makes it for itself."""

import re
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_SECONDS

CONFTEST = """
import pytest

def pytest_collection_modifyitems(config, items):
    for number, item in enumerate(items):
        item.add_marker(pytest.mark.xdist_group("shared" if number % 2 else "other"))
"""
TESTS = """
import time

import pytest

@pytest.mark.parametrize("number", range(12))
def test_it(number):
    time.sleep(0.01)
"""


def test_a_group_stays_in_one_process(tmp_path: Path) -> None:
    """The pinned pytest and pytest-xdist agree on where a group's name stands."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-v"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=PATIENCE_SECONDS,
    )
    ran = re.findall(r"\[(gw\d)\].* PASSED \S*test_it\[(\d+)\]", done.stdout)
    assert len(ran) == 12, done.stdout
    workers = {parity: {w for w, n in ran if int(n) % 2 == parity} for parity in (0, 1)}
    assert [len(of) for of in workers.values()] == [1, 1], workers
