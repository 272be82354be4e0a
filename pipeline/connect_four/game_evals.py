"""The `game_evals` stage: random, teacher, imitator, practised and perfect players, judged.

By the complete table: how many moves keep what a position is worth, in three thirds of the game,
and how often a player does not lose against the perfect one. By each other: Elo over all pairs.
Models draw their moves at `temperature` with nothing masked, an illegal move loses and is counted;
the most likely move (`…_greedy`) and legal moves alone (`…_masked`) are rows of their own.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from pipeline import model as models
from pipeline.connect_four import game_table, move_quality
from pipeline.connect_four.config import GameEvalsConfig
from pipeline.connect_four.game_settings import GameSettings
from pipeline.connect_four.matches import GameRecord, GameRow, play, rows
from pipeline.connect_four.model_player import ModelPlayer
from pipeline.connect_four.notation import ILLEGAL
from pipeline.connect_four.players import PerfectPlayer, Player, RandomPlayer, TeacherPlayer, Turn
from pipeline.connect_four.solution import Solution
from pipeline.evals.asking import ScoreRow, Scores
from pipeline.evals.bradley_terry import PairResult, ratings
from pipeline.intervals import bootstrap_ratio
from pipeline.stage import Progress, Stage
from pipeline.training import runtime
from storage.schemas import EVALS, GAMES
from storage.tables import table, write_table

SUITE = "connect_four"
SIDES = ("first", "second")
TEACHER = TeacherPlayer.name  # what tables call it
MODELS = ("game_sft", "game_rl")


class GameEvalsInputs(TypedDict):
    """Folders of artifacts, one each."""

    game_table: list[Path]
    game_sft: list[Path]
    game_rl: NotRequired[list[Path]]


class GameEvalsStatistics(TypedDict):
    """Of a `game_evals` artifact."""

    games: int
    elo: dict[str, float]
    non_loss: dict[str, float]  # against the perfect player, both sides together


def build(
    out: Path, inputs: GameEvalsInputs, config: GameEvalsConfig, progress: Progress, scratch: Path
) -> GameEvalsStatistics:
    """The `game_evals` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    solution = game_table.load(inputs["game_table"][0])
    folders: Mapping[str, Any] = inputs
    settings = GameSettings.load(folders[MODELS[0]][0])
    perfect = PerfectPlayer(solution)
    headline: list[Player] = [RandomPlayer(solution.board), settings.teacher]
    beside: list[Player] = []
    for name in MODELS:
        if name not in folders:
            continue
        model, tokenizer = models.load(folders[name][0], device, dtype)
        told = (model, tokenizer, solution.board, GameSettings.load(folders[name][0]).notation)
        headline.append(ModelPlayer(*told, name=name, temperature=config.temperature))
        beside += [
            ModelPlayer(*told, name=f"{name}_greedy", temperature=0.0),
            ModelPlayer(*told, name=f"{name}_masked", temperature=config.temperature, masked=True),
        ]
    judged = move_quality.positions(solution, config.positions, config.seed)
    scores = {player.name: Scores() for player in (*headline, *beside, perfect)}
    played: list[GameRow] = []
    non_loss: dict[str, float] = {}
    everybody = [*headline, *beside]
    for done, player in enumerate(everybody):
        own = scores[player.name]
        _moves(player, solution, judged, own)
        both: list[bool] = []
        for side in range(2):
            records = _match(player, perfect, side, config.perfect_games, config.seed, solution)
            both += _against(own, "perfect", side, records)
            played += _rows(records, player, perfect, side)
        own.share(SUITE, "perfect", "non_loss", both)
        non_loss[player.name] = sum(both) / len(both)
        progress.update(done + 1, len(everybody), "players")
    _moves(perfect, solution, judged, scores[perfect.name])
    results = []
    for a, b in itertools.combinations([*headline, perfect], 2):
        met = [_match(a, b, side, config.games // 2, config.seed, solution) for side in range(2)]
        for side, records in enumerate(met):
            played += _rows(records, a, b, side)
        results.append(_result(a, b, met))
        if TEACHER in (a.name, b.name):
            _points(scores, a, b, met, config)
    rated = ratings(results, "random", config.bootstrap_samples, config.seed)
    for rating in rated:
        own, span = scores[rating.player], (rating.low, rating.high)
        own.add(SUITE, "elo", "elo", rating.elo, *span, rating.games)
        progress.note(f"{rating.player}: Elo {rating.elo:.0f} [{span[0]:.0f}, {span[1]:.0f}]")
    found = [
        {"model": name, "stage": "game_evals", "seed": config.seed, **_whole(row)}
        for name, own in scores.items()
        for row in own.rows
    ]
    write_table(table(found, EVALS), out / "evals.parquet")
    write_table(table(played, GAMES), out / "games.parquet")
    return {
        "games": len(played),
        "elo": {rating.player: rating.elo for rating in rated},
        "non_loss": non_loss,
    }


def _moves(player: Player, solution: Solution, judged: Mapping[str, Turn], scores: Scores) -> None:
    """What a player does in the judged positions."""
    everywhere: list[bool] = []
    illegal: list[bool] = []
    for phase, turn in judged.items():
        if not len(turn):
            continue
        columns = player.choose(turn)
        known = columns != ILLEGAL
        at = np.where(known, columns, 0)
        legal = known & solution.board.legal(turn.position.mask)[np.arange(len(turn)), at]
        keeps = legal & move_quality.keeping(solution, turn.position)[np.arange(len(turn)), at]
        scores.share(SUITE, phase, "value_preserving", keeps.tolist())
        everywhere += keeps.tolist()
        illegal += (~legal).tolist()
    scores.share(SUITE, "all", "value_preserving", everywhere)
    scores.share(SUITE, "all", "illegal", illegal)


def _match(
    one: Player, other: Player, side: int, count: int, seed: int, solution: Solution
) -> list[GameRecord]:
    """Games in which `one` has a side; numbers differ by side, so that draws do."""
    players = (one, other) if side == 0 else (other, one)
    return play(solution.board, *players, range(side * count, (side + 1) * count), seed)


def _against(scores: Scores, opponent: str, side: int, records: Sequence[GameRecord]) -> list[bool]:
    """How a player's games went with one side; returns which it did not lose."""
    lost = [record.winner == SIDES[1 - side] for record in records]
    task = f"{opponent}_as_{SIDES[side]}"
    scores.share(SUITE, task, "non_loss", [not one for one in lost])
    scores.share(SUITE, task, "won", [record.winner == SIDES[side] for record in records])
    scores.share(SUITE, task, "illegal", [one and r.illegal for one, r in zip(lost, records)])
    return [not one for one in lost]


def _points(
    scores: Mapping[str, Scores],
    a: Player,
    b: Player,
    met: Sequence[Sequence[GameRecord]],
    config: GameEvalsConfig,
) -> None:
    """Points a game against the teacher, a draw half a point."""
    rewards = [r.reward for r in met[0]] + [-r.reward for r in met[1]]
    sign, one = (1.0, a) if b.name == TEACHER else (-1.0, b)
    points = (np.array(rewards) * sign + 1) / 2
    low, high = bootstrap_ratio(points, np.ones(len(points)), config.bootstrap_samples, config.seed)
    mean = float(points.mean())
    scores[one.name].add(SUITE, TEACHER, "points", mean, low, high, len(points))


def _result(a: Player, b: Player, met: Sequence[Sequence[GameRecord]]) -> PairResult:
    ended = [(record.winner, SIDES[side]) for side, games in enumerate(met) for record in games]
    drawn = sum(winner == "draw" for winner, _ in ended)
    won = sum(winner == own for winner, own in ended)
    return PairResult(a.name, b.name, won, drawn, len(ended) - won - drawn)


def _rows(records: Sequence[GameRecord], one: Player, other: Player, side: int) -> list[GameRow]:
    names = (one.name, other.name) if side == 0 else (other.name, one.name)
    return rows(records, *names)


def _whole(row: ScoreRow) -> dict[str, Any]:
    return dict(row)


STAGE = Stage("game_evals", 1, GameEvalsConfig, build)
