"""The table of `make bench-game` says what was measured, over which seeds."""

from typing import Any

import pytest

from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.solution import solve
from tests.benchmarks.game import LINES, PLAYERS, cell, curve, markdown


def row(model: str, task: str, metric: str, value: float, seed: int = 0) -> dict[str, Any]:
    span = {"low": value - 10, "high": value + 10}
    return {"model": model, "task": task, "metric": metric, "value": value, "n": 100, **span}


def test_a_line_a_figure_and_a_column_a_player() -> None:
    rows = [row("game_rl", *key, 0.5) for key in LINES] + [row("teacher", "elo", "elo", 120.0)]
    text = markdown(rows, 1, [12.0])
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(LINES)
    assert {line.count("|") for line in table} == {len(PLAYERS) + 2}
    assert "| 120 [110, 130] |" in text  # of one seed the interval of its games
    assert "1 seeds" in text
    assert "| 50.0% [40.4, 59.6] |" in text
    assert "| – |" in text


def test_seeds_that_differ_widen_an_interval() -> None:
    values = [0.70, 0.75, 0.95]
    rows = [row("game_rl", "perfect", "non_loss", value) for value in values]
    assert cell(rows) == "80.0% [47.1, 100.0]"
    alike = [row("game_rl", "elo", "elo", value) for value in (100.0, 101.0, 102.0)]
    assert cell(alike) == "101 [99, 103]"


def test_the_curve_is_of_moves_that_keep_the_value_by_steps() -> None:
    table = solve(GameBoard(3, 3, 3))
    # after 1 and 3 the first player wins by 2, which its other moves throw away or don't
    position = table.board.after("13")
    best = int(table.move_scores(position)[0].argmax()) + 1
    worst = int(table.move_scores(position)[0].argmin()) + 1
    games = [
        {"game": step, "step": step, "opening": 2, "moves": f"13{move}", "winner": "draw"}
        | {"illegal": False}
        for step, move in ((1, worst), (2, best))
    ]
    points = curve(games, table)
    assert [step for step, _ in points] == [1.0, 2.0]
    assert points[0][1] == pytest.approx(0.0)
    assert points[1][1] == pytest.approx(1.0)
