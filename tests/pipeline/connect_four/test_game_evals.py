"""The judges' table: players whose strength is known get the scores that they must have."""

import dataclasses

import pytest
from game_models import PLACE, build

from pipeline.connect_four import game_evals
from pipeline.connect_four.config import GameEvalsConfig
from storage.tables import read_table

CONFIG = GameEvalsConfig(games=40, perfect_games=40, positions=30, bootstrap_samples=50, **PLACE)


@pytest.fixture(scope="module")
def judged(tmp_path_factory, game_folders):
    """The imitator in both places: what one model gets, the same model gets."""
    folder = tmp_path_factory.mktemp("judged")
    return build(
        game_evals.STAGE,
        CONFIG,
        folder,
        game_table=game_folders.table,
        game_sft=game_folders.sft,
        game_rl=game_folders.sft,
    )


@pytest.fixture(scope="module")
def scores(judged):
    rows = read_table(judged / "evals.parquet").to_pylist()
    return {(row["model"], row["task"], row["metric"]): row for row in rows}


def value(scores, model, task, metric):
    return scores[model, task, metric]["value"]


def test_the_perfect_player_loses_to_nobody(judged, scores):
    for game in read_table(judged / "games.parquet").to_pylist():
        loser = {"first": game["second"], "second": game["first"]}.get(game["winner"])
        # on 4 x 3 with three in a line who begins has won: the other side may lose by right
        assert loser != "perfect" or (game["first"] != "perfect" and game["second"] == "perfect")
    ranks = sorted(
        (row["value"], row["model"]) for row in scores.values() if row["metric"] == "elo"
    )
    assert ranks[-1][1] == "perfect"
    assert value(scores, "random", "elo", "elo") == 0
    assert value(scores, "teacher", "elo", "elo") > 0


def test_every_row_has_its_n_and_an_interval_around_its_value(scores):
    assert value(scores, "teacher", "all", "value_preserving") > value(
        scores, "random", "all", "value_preserving"
    )
    for key, row in scores.items():
        assert row["low"] <= row["value"] <= row["high"], key
        assert row["n"] > 0
    for model in ("random", "teacher", "game_sft", "game_sft_greedy", "game_sft_masked"):
        for side in ("first", "second"):
            assert scores[model, f"perfect_as_{side}", "non_loss"]["n"] == 40
        both = value(scores, model, "perfect", "non_loss")
        sides = [value(scores, model, f"perfect_as_{s}", "non_loss") for s in ("first", "second")]
        assert both == pytest.approx(sum(sides) / 2)


def test_only_models_say_illegal_moves_and_masked_ones_none(scores):
    assert value(scores, "random", "all", "illegal") == 0
    assert value(scores, "teacher", "all", "illegal") == 0
    assert value(scores, "game_sft", "all", "illegal") > 0
    assert value(scores, "game_sft_masked", "all", "illegal") == 0


def test_scores_of_games_are_those_of_the_games(judged, scores):
    games = read_table(judged / "games.parquet").to_pylist()
    for side, other in (("first", "second"), ("second", "first")):
        met = [game for game in games if game[side] == "game_sft" and game[other] == "perfect"][:40]
        kept = sum(game["winner"] != other for game in met) / 40
        assert value(scores, "game_sft", f"perfect_as_{side}", "non_loss") == kept
    met = [g for g in games if {g["first"], g["second"]} == {"game_sft", "teacher"}]
    assert len(met) == 40
    points = sum(
        0.5 if game["winner"] == "draw" else float(game[game["winner"]] == "game_sft")
        for game in met
    )
    assert value(scores, "game_sft", "teacher", "points") == pytest.approx(points / 40)


def test_without_a_practised_model_the_others_are_judged(tmp_path, game_folders):
    few = dataclasses.replace(CONFIG, games=4, perfect_games=4, positions=5, bootstrap_samples=5)
    out = build(
        game_evals.STAGE,
        few,
        tmp_path,
        game_table=game_folders.table,
        game_sft=game_folders.sft,
    )
    models = set(read_table(out / "evals.parquet")["model"].to_pylist())
    assert models == {
        *("random", "teacher", "perfect", "game_sft", "game_sft_greedy", "game_sft_masked")
    }
