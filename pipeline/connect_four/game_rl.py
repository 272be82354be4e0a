"""The `game_rl` stage: the imitator in; a model that has practised against itself out.

Each step plays games of the policy against itself and learns by the policy gradient from who won,
nothing else: no teacher, no table. The games of finished steps are kept in scratch; the roles'
baselines follow from the last of them, so that a run that was killed, or that went back, goes on as
an undisturbed one would have.
"""

import functools
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import model as models
from pipeline.connect_four import self_play
from pipeline.connect_four.config import GameRlConfig
from pipeline.connect_four.game_settings import GameSettings
from pipeline.connect_four.matches import GameRow, rows
from pipeline.connect_four.role_baselines import RoleBaselines, before_each
from pipeline.connect_four.self_play import SelfPlayer
from pipeline.model import Transformer
from pipeline.rl.objectives import OBJECTIVES
from pipeline.rl.policy_gradient import UpdateRule, policy_terms
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import loop, runtime
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.spikes import GRAD_NORM
from pipeline.training.step import StepLoss
from storage.durable import written_by_name
from storage.schemas import GAMES
from storage.tables import read_table, table, write_table

NAME = "game_rl"
REWARDS = {"first": 1.0, "draw": 0.0, "second": -1.0}  # the first player's


class GameRlInputs(TypedDict):
    """Folders of artifacts, one each."""

    game_sft: list[Path]


class GameRlStatistics(TypedDict):
    """Of a `game_rl` artifact."""

    steps: int
    precision: str
    games: int
    moves: int  # that were learned from
    illegal_start: float  # share of games that ended by an illegal move, of the first step …
    illegal_end: float  # … and of the last
    drawn_start: float
    drawn_end: float


def step_loss(
    model: Transformer,
    tokenizer: Tokenizer,
    settings: GameSettings,
    config: GameRlConfig,
    scratch: Path,
    done: int,
    number: int,
) -> StepLoss:
    """Play the games of a batch and keep them; the loss is a mean over their replies' tokens.

    Args:
        model: the policy.
        tokenizer: the model's.
        settings: of the game.
        config: of the stage.
        scratch: where games are kept, as those of the step after `done`.
        done: steps.
        number: of the batch.
    """
    player = SelfPlayer(
        model,
        tokenizer,
        settings.board,
        settings.notation,
        name=NAME,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
    )
    first = number * config.games_per_step
    records, said = self_play.games(
        player,
        settings.board,
        range(first, first + config.games_per_step),
        config.seed,
        config.opening_plies,
    )
    start = baselines_after(scratch, done, config.baseline_decay)
    baselines = before_each([r.reward for r in records], start, config.baseline_decay)
    kept: list[GameRow] = [
        {**row, "first_baseline": held.first, "second_baseline": held.second}
        for row, held in zip(rows(records, NAME, NAME, done + 1), baselines)
    ]
    # On disk before a checkpoint can say that the step is done.
    with written_by_name(_game_file(scratch, done)) as part:
        write_table(table(kept, GAMES), part)
    answers = self_play.rollouts(records, said, baselines)
    tokens = sum(len(move.reply.completion.tokens) for move in said)
    nats = -sum(sum(move.reply.completion.logprobs) for move in said)
    return StepLoss(
        policy_terms(model, answers, update_rule(config), config.loop.micro_rows or len(answers)),
        normalizer=max(1, tokens),
        tokens=tokens,
        figures={
            "reward": sum(record.reward for record in records) / len(records),
            "length": tokens / max(1, len(said)),
            "entropy": nats / max(1, tokens),
        },
        shown=("entropy",),
    )


def update_rule(config: GameRlConfig) -> UpdateRule:
    """How replies become a gradient: RL's default objective."""
    return UpdateRule(
        config.temperature,
        top_k=0,
        bounds=OBJECTIVES["reinforce"].bounds(config.ratio_limit, 0.0, 0.0),
        chunk_tokens=config.loop.loss_chunk_tokens,
    )


def baselines_after(scratch: Path, done: int, decay: float) -> RoleBaselines:
    """The roles' baselines after so many steps, from the last game of the last one."""
    if done == 0:
        return RoleBaselines()
    last = read_table(_game_file(scratch, done - 1)).to_pylist()[-1]
    held = RoleBaselines(last["first_baseline"], last["second_baseline"])
    return held.after(REWARDS[last["winner"]], decay)


def build(
    out: Path, inputs: GameRlInputs, config: GameRlConfig, progress: Progress, scratch: Path
) -> GameRlStatistics:
    """The `game_rl` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    (folder,) = inputs["game_sft"]
    settings = GameSettings.load(folder)
    model, tokenizer = models.load(folder, device, dtype)
    metrics, timing = loop.run(
        model,
        build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        functools.partial(step_loss, model, tokenizer, settings, config, scratch),
        config.loop,
        stage=NAME,
        scratch=scratch,
        progress=progress,
        watched=GRAD_NORM,
        recipe=config,
    )
    steps = config.loop.steps
    played = pa.concat_tables([read_table(_game_file(scratch, step)) for step in range(steps)])
    models.save(model, tokenizer, out)
    settings.save(out)
    write_run(out, metrics, timing)
    write_table(played, out / "games.parquet")
    ends = {step: played.filter(pc.equal(played["step"], step)) for step in (1, steps)}
    return {
        "steps": steps,
        "precision": str(dtype).removeprefix("torch."),
        "games": played.num_rows,
        "moves": sum(
            len(moves) - opening
            for moves, opening in zip(played["moves"].to_pylist(), played["opening"].to_pylist())
        ),
        "illegal_start": _share(ends[1]["illegal"].to_pylist()),
        "illegal_end": _share(ends[steps]["illegal"].to_pylist()),
        "drawn_start": _share([w == "draw" for w in ends[1]["winner"].to_pylist()]),
        "drawn_end": _share([w == "draw" for w in ends[steps]["winner"].to_pylist()]),
    }


def _share(values: list[bool]) -> float:
    return sum(values) / len(values)


def _game_file(scratch: Path, step: int) -> Path:
    return scratch / "games" / f"{step:06d}.parquet"


STAGE = Stage(NAME, 1, GameRlConfig, build)
