"""One reward model's training: a chat model and pairs in, a model in scratch out, safe from kills.

A stage trains several (an ensemble, models on fewer pairs). Each is a client of the one loop with
checkpoints of its own, and lies in scratch when it is done: a killed stage trains none twice.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.model import Transformer
from pipeline.preferences.preference_pairs import TokenPair
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.preferences.reward_loss import PairBatches, pair_step_loss
from pipeline.preferences.reward_model import RewardModel, save_reward_model
from pipeline.stage import Progress
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution, loop
from pipeline.training.config import LoopConfig
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.step import StepLoss
from storage.durable import make_folder, publish, remove_tree

STAGE_NAME = "reward_model"
DONE = "done"  # folder of a finished model within its own


@dataclasses.dataclass(frozen=True)
class RewardRun:
    """What one training is made of, beside the chat model; its checkpoints are no other's."""

    config: RewardModelConfig
    seed: int  # of head and order
    pairs: int

    @property
    def steps(self) -> int:
        """Updates: the epochs of these pairs, or the least number."""
        batches = math.ceil(self.config.epochs * self.pairs / self.config.pairs_per_step)
        return max(batches, self.config.min_steps, 1)


class Uncharted(Progress):
    """A progress without curves, for trainings beside the one whose metrics are kept.

    Args:
        told: what hears of steps and notes.
    """

    def __init__(self, told: Progress) -> None:
        super().__init__()
        self._told = told

    def update(self, done: float, total: float | None, unit: str, **numbers: Any) -> None:
        """As `Progress`'s."""
        self._told.update(done, total, unit, **numbers)

    def history(self, stage: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Nobody hears of it."""

    def metric(self, stage: str, step: int, **numbers: float | None) -> None:
        """Nobody hears of it."""

    def note(self, text: str) -> None:
        """As `Progress`'s."""
        self._told.note(text)


def train_once(
    chat: Transformer,
    tokenizer: Tokenizer,
    pairs: Sequence[TokenPair],
    run: RewardRun,
    place: Path,
    progress: Progress,
) -> Path:
    """Train a reward model, or find it trained.

    Args:
        chat: where it starts from; stays as it is.
        tokenizer: of the chat model.
        pairs: to learn from.
        run: its settings.
        place: folder in scratch of this training alone.
        progress: is told.

    Returns:
        The finished model's folder, with metrics; rank 0's alone is there.
    """
    done = place / DONE
    if distribution.broadcast_number(int(done.is_dir()), chat.device):
        return done
    config = run.config
    model = RewardModel.of_chat_model(chat, config.head_std, run.seed)
    batches = PairBatches(pairs, config.pairs_per_step, run.seed)

    def loss_of(_: int, number: int) -> StepLoss:
        return pair_step_loss(model, batches.batch(number), config)

    metrics, timing = loop.run(
        model,
        build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        loss_of,
        loop_config(run),
        stage=STAGE_NAME,
        scratch=place,
        progress=progress,
        recipe=run,
    )
    if distribution.rank() == 0:
        part = place / f"{DONE}.part"
        remove_tree(part)
        make_folder(part)
        save_reward_model(model, tokenizer, part)
        write_run(part, metrics, timing)
        publish(part, done)
    return done


def loop_config(run: RewardRun) -> LoopConfig:
    """The settings of the loop."""
    config = run.config
    return LoopConfig(
        steps=run.steps,
        warmup_steps=config.warmup_steps,
        warmdown_fraction=config.warmdown_fraction,
        final_fraction=config.final_fraction,
        max_grad_norm=config.max_grad_norm,
        activation_checkpointing=config.activation_checkpointing,
        checkpoint_seconds=config.checkpoint_seconds,
        watchdog_seconds=config.watchdog_seconds,
    )
