"""Self-play as a stage: what it keeps, baselines that follow from its games, kills."""

import dataclasses

import pytest
from game_models import PRACTICE

from pipeline.connect_four import game_rl
from pipeline.connect_four.config import GameRlConfig
from pipeline.connect_four.role_baselines import RoleBaselines
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")


def run(game_folders, out, config=PRACTICE, progress=SILENT, scratch=None):
    out.mkdir(parents=True, exist_ok=True)
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    scratch.mkdir(exist_ok=True)
    return game_rl.build(out, {"game_sft": [game_folders.sft]}, config, progress, scratch)


def steps(config: GameRlConfig, count: int) -> GameRlConfig:
    loop = dataclasses.replace(config.loop, steps=count, checkpoint_seconds=1e9)
    return dataclasses.replace(config, loop=loop)


def test_games_and_figures_are_logged(game_folders, tmp_path):
    statistics = run(game_folders, tmp_path / "rl", steps(PRACTICE, 5))
    games = read_table(tmp_path / "rl" / "games.parquet").to_pylist()
    assert len(games) == 5 * 32 == statistics["games"]
    assert sorted(game["game"] for game in games) == list(range(5 * 32))  # none played twice
    assert any(game["illegal"] for game in games)
    assert not all(game["illegal"] for game in games)
    assert statistics["illegal_end"] == sum(g["illegal"] for g in games[-32:]) / 32
    metrics = read_table(tmp_path / "rl" / "metrics.parquet").to_pylist()
    rewards = {"first": 1, "draw": 0, "second": -1}
    for step in (1, 3, 5):
        own = [rewards[game["winner"]] for game in games if game["step"] == step]
        assert metrics[step - 1]["reward"] == pytest.approx(sum(own) / 32)
    assert all(row["entropy"] > 0 and row["length"] >= 1 for row in metrics)
    assert statistics["moves"] == sum(len(g["moves"]) - g["opening"] for g in games)


def test_baselines_go_on_from_game_to_game_and_step_to_step(game_folders, tmp_path):
    run(game_folders, tmp_path / "rl")
    rewards = {"first": 1, "draw": 0, "second": -1}
    held = RoleBaselines()
    for game in read_table(tmp_path / "rl" / "games.parquet").to_pylist():
        kept = (game["first_baseline"], game["second_baseline"])
        assert kept == pytest.approx(held)
        assert kept[0] == pytest.approx(-kept[1])
        held = held.after(rewards[game["winner"]], PRACTICE.baseline_decay)
    assert held.first != 0


def test_a_killed_run_ends_in_the_same_bytes(game_folders, tmp_path, killed_after):
    whole = run(game_folders, tmp_path / "whole")
    scratch = tmp_path / "scratch"
    for count in (2, 1):
        with pytest.raises(KeyboardInterrupt):
            run(game_folders, tmp_path / "out", PRACTICE, killed_after(count), scratch)
    assert run(game_folders, tmp_path / "out", PRACTICE, SILENT, scratch) == whole
    for name in ("model.safetensors", "metrics.parquet", "games.parquet", "game.json"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_another_seed_plays_other_games(game_folders, tmp_path):
    moves = []
    for seed in (0, 1):
        config = dataclasses.replace(steps(PRACTICE, 1), seed=seed)
        run(game_folders, tmp_path / f"{seed}", config)
        rows = read_table(tmp_path / f"{seed}" / "games.parquet").to_pylist()
        moves.append([row["moves"] for row in rows])
    assert moves[0] != moves[1]


def test_a_model_that_was_taught_no_game_is_refused(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(UserError, match="was taught no game"):
        game_rl.build(tmp_path, {"game_sft": [tmp_path / "model"]}, PRACTICE, SILENT, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature: 0.0 must be above 0"),
        ({"games_per_step": 0}, "games_per_step"),
        ({"baseline_decay": 1.0}, "baseline_decay: 1.0 must be below 1"),
        ({"ratio_limit": 0.5}, "ratio_limit"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(PRACTICE, **changes)
