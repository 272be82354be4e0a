"""Monty: what is special about it beside what test_python_tool asks of both."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.tools import monty_pool
from pipeline.tools.config import PythonConfig, ToolLimits
from pipeline.tools.monty_pool import MontyPool
from pipeline.tools.tool import ToolFault
from storage.errors import UserError


@pytest.fixture(scope="module")
def pool() -> Iterator[MontyPool]:
    made = MontyPool(PythonConfig(limits=ToolLimits(seconds=20)), 1)
    yield made
    made.close()


def test_a_value_that_is_huge_when_shown_stays_in_its_process(pool: MontyPool) -> None:
    """A thousand lists of a thousand times the same list: small, and gigabytes as a text."""
    bomb = "a = [0] * 1000\nb = [a] * 1000\nc = [b] * 1000\n"
    for last in ("c", "x = c", "c;"):
        done = pool.run(bomb + last)
        assert len(done.value) <= 4096
        assert done.value.startswith("[[[0, 0") or done.error or last != "c"


def test_a_sleep_takes_no_time(pool: MontyPool) -> None:
    slept = "import time\nstart = time.monotonic()\ntime.sleep(10)\ntime.monotonic() - start < 9"
    assert pool.run(slept).value == "True"


def test_too_much_memory_costs_one_program_alone() -> None:
    limits = ToolLimits(seconds=20, memory_mib=1)
    small = MontyPool(PythonConfig(limits=limits), 1)
    for _ in range(3):
        assert small.run("'x' * (900 << 10) + 'y' * (900 << 10)").limit
        assert small.run("1 + 1").value == "2"
    small.close()


def test_lines_are_the_programs_own(pool: MontyPool) -> None:
    shown = "class A:\n    def __repr__(self): return 1 / 0\nA()"
    assert pool.run(shown).error == "ZeroDivisionError: division by zero (line 2)"
    assert pool.run("2 ** 100_000").error.startswith("ValueError: Exceeds the limit")
    assert "(line" not in pool.run("x = (").error


def test_a_mistake_of_montys_is_a_fault(pool: MontyPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr(pool, "_value", broken)
    with pytest.raises(ToolFault, match="Monty failed: RuntimeError: broken"):
        pool.run("1")


def test_without_the_package_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(UserError, match=r"pip install pydantic-monty.*or take `cpython`"):
        MontyPool(PythonConfig(), 1)


def test_a_program_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/nowhere/monty")
    with pytest.raises(UserError, match="Monty doesn't start here"):
        MontyPool(PythonConfig(), 1)


def test_what_floods_is_not_even_counted(pool: MontyPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monty_pool, "FLOOD", 2)
    done = pool.run("for _ in range(100): print('x' * 1000)")
    # Of 101,000 bytes some 8,192, and the piece in which they are full, are taken.
    assert "[… " in done.printed
    left_out = int(done.printed.partition("[… ")[2].partition(" ")[0].replace(",", ""))
    assert left_out < 101_000 - 4_096
