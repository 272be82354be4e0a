"""The whole flow at toy size: each stage's artifact, its heads and views, and a game at the end."""

import io
import json
from pathlib import Path

import pytest

from flows.cli import main
from flows.config import load
from flows.connect_four import connect_four
from storage import Lake
from storage.catalog import query

KINDS = ("game_table", "game_conversations", "game_sft", "game_rl", "game_evals")


@pytest.mark.slow
@pytest.mark.usefixtures("prefect")
def test_a_model_is_taught_practises_is_judged_and_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = Lake(tmp_path / "lake")
    made = connect_four(load("ci"), lake.url)
    assert tuple(made) == KINDS
    assert lake.heads() == {kind: made[kind]["digest"] for kind in KINDS}
    asked = {
        "game_positions": "SELECT count(*) AS n FROM game_positions WHERE ply = 1",
        "games": "SELECT count(DISTINCT step) AS n FROM games WHERE first_baseline IS NOT NULL",
        "metrics": "SELECT count(*) AS n FROM metrics WHERE stage = 'game_rl'",
        "conversations": "SELECT count(*) AS n FROM conversations WHERE source = 'connect_four'",
        "game_evals": "SELECT count(*) AS n FROM game_evals WHERE metric = 'elo'",
        "evals": "SELECT count(*) AS n FROM evals",  # of pages and talk: none of the game's
    }
    counts = {view: query(lake, sql).to_pylist()[0]["n"] for view, sql in asked.items()}
    assert counts.pop("conversations") > 100
    assert counts == {"game_positions": 4, "games": 4, "metrics": 4, "game_evals": 5, "evals": 0}
    again = connect_four(load("ci"), lake.url)
    assert again == made
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n2\n3\n"))
    capsys.readouterr()
    for model in ("game_rl", made["game_sft"]["digest"][:12]):
        assert main(["play", "--model", model, "--lake", lake.url, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["model"] == model
        monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))


def test_another_board_is_another_table_and_another_teacher_other_games() -> None:
    board = load("ci", ["game_table.width=5"])
    assert board.game_table != load("ci").game_table
    assert board.game_conversations == load("ci").game_conversations
    assert load("demo").game_table.board.cells == 20
