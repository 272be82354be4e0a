"""Settings of runs side by side: what differs stands first, by its whole name."""

from pipeline.serve.pages.settings_difference import settings


def test_what_differs_stands_first() -> None:
    first = {"seed": 0, "loop": {"steps": 10, "names": ["a"]}, "empty": {}}
    second = {"seed": 0, "loop": {"steps": 20, "names": ["a"]}, "more": None}
    rows = settings([first, second])
    assert [(row.name, row.values) for row in rows if row.differs] == [
        ("empty", ["{}", ""]),
        ("loop.steps", ["10", "20"]),
        ("more", ["", "null"]),
    ]
    assert [row.name for row in rows if not row.differs] == ["loop.names", "seed"]
    assert [row.differs for row in rows] == [True] * 3 + [False] * 2


def test_one_run_differs_from_nothing() -> None:
    assert [row.differs for row in settings([{"a": {"b": "text"}}])] == [False]
