"""Past imitation: a small model learns connect four from a teacher that blunders, then by playing
against itself, and is judged by the complete table of the game.
"""

import dataclasses
from typing import Any

from prefect import flow

from flows.config import Settings, load, settle
from flows.runner import terminal, ui
from flows.runner.artifact import make
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.references import Reference
from flows.runner.work import Input
from pipeline.connect_four import game_conversations, game_evals, game_rl, game_sft, game_table
from pipeline.stage import Stage


@flow(name="connect-four", flow_run_name=run_name)
def connect_four(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Solve the board, let the teacher play, imitate it, practise, judge everybody.

    No page is read: the game's models have a vocabulary of their own.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to pass on
    """
    run = begin(config, lake)
    board = config.game_table
    table = run.make(game_table.STAGE, board, f"all positions of {board.width} x {board.height}")
    taught = run.make(
        game_conversations.STAGE,
        config.game_conversations,
        f"{config.game_conversations.games:,} games of the teacher's",
        game_table=[table],
    )
    imitator = _trained(
        run,
        game_sft.STAGE,
        config.game_sft,
        f"imitate the teacher, {config.game_sft.loop.steps:,} steps",
        game_conversations=[taught],
    )
    practised = _trained(
        run,
        game_rl.STAGE,
        config.game_rl,
        f"self-play, {config.game_rl.loop.steps:,} steps of"
        f" {config.game_rl.games_per_step:,} games",
        game_sft=[imitator],
    )
    judged = run.make(
        game_evals.STAGE,
        settle(config.game_evals),
        "judge the players",
        game_table=[table],
        game_sft=[imitator],
        game_rl=[practised],
    )
    statistics = game_evals.STAGE.statistics_of(run.lake.manifest("game_evals", judged["digest"]))
    for name, rating in statistics["elo"].items():
        kept = statistics["non_loss"].get(name)
        against = "" if kept is None else f", {kept:.1%} not lost against the perfect player"
        terminal.say(f"  {name}: Elo {rating:.0f}{against}")
    for model in (imitator, practised):
        ui.curves(run.lake, model)
    return run.hand_over(
        made or {},
        game_table=table,
        game_conversations=taught,
        game_sft=imitator,
        game_rl=practised,
        game_evals=judged,
    )


def _trained(
    run: Run, stage: Stage[Any], config: Any, title: str, **inputs: list[Input]
) -> Reference:
    """A model by one process, however many the run has for larger ones."""
    work = run.work(stage, settle(config), title, **inputs)
    return make(dataclasses.replace(work, logging=run.config.logging))
