"""Parts in groups: which parts make one, and how many cores each of the tasks may take."""

from types import SimpleNamespace
from typing import Any

import pytest

from flows.config_tables import InputConfig
from flows.groups import in_groups, share


def grouped(parts: int, size: int) -> list[list[Any]]:
    run: Any = SimpleNamespace(config=SimpleNamespace(input=InputConfig(group_files=size)))
    return in_groups(run, list(range(parts)))  # type: ignore[arg-type]


def test_groups_hold_the_parts_in_their_order() -> None:
    assert grouped(5, 2) == [[0, 1], [2, 3], [4]]
    assert grouped(4, 2) == [[0, 1], [2, 3]]
    assert grouped(3, 50) == [[0, 1, 2]]
    assert grouped(0, 50) == [[]], "a corpus of nothing has a group, too"


@pytest.mark.parametrize(
    ("runner", "groups", "workers", "cores", "each"),
    [
        ("threads", 1, 0, 8, 0),  # alone: all
        ("threads", 2, 0, 8, 4),
        ("threads", 100, 0, 8, 1),
        ("threads", 100, 3, 8, 2),
        ("threads", 100, 1, 8, 0),  # one after another
        ("threads", 100, 16, 8, 1),
        ("ray", 1, 0, 8, 1),
    ],
)
def test_tasks_beside_each_other_share_the_cores(
    runner: str, groups: int, workers: int, cores: int, each: int
) -> None:
    assert share(runner, groups, workers, cores) == each
