"""The tools' benchmark at toy size: all ways give the same, and the table has its rows."""

import pytest

from pipeline.tools.config import PythonConfig
from pipeline.tools.fork_server import check_layers, layers_here
from storage.errors import UserError
from tests.benchmarks import tools


def test_all_ways_are_measured() -> None:
    try:
        check_layers(layers_here(PythonConfig("cpython")), PythonConfig("cpython"))
    except UserError as error:
        pytest.skip(str(error))
    note, _, head, line, *rows = tools.table(batch=10, turns=1).split("\n")
    assert "cores of " in note
    assert "s for a batch of 10" in head
    assert [row.split("|")[1].strip() for row in rows] == [
        tools.FRESH,
        "`cpython`, in forks behind all layers",
        "`monty`",
    ]
    for row in (line, *rows):
        assert row.count("|") == head.count("|")


def test_no_two_programs_are_the_same() -> None:
    made = tools.programs(384)
    assert len(set(made)) == len(made) == 384
