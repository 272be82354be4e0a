"""Training on the next token, as pretraining, a longer context and fine-tuning do.

Each process takes its rows of the global batch, some at a time; the loss is the mean over all
learned tokens of the batch, however it is split over processes and micro-batches.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from torch import Tensor

from pipeline.model import Transformer
from pipeline.stage import Progress
from pipeline.training import distribution, lanes, loop, state
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.checkpoint_manager import CheckpointStore
from pipeline.training.config import LoopConfig
from pipeline.training.data_loader import Batch, BatchOf
from pipeline.training.loss import token_loss
from pipeline.training.optimizers import Optimizer
from pipeline.training.step import StepLoss
from storage.errors import UserError


def train(
    model: Transformer,
    optimizer: Optimizer,
    batch_of: BatchOf,
    config: LoopConfig,
    *,
    stage: str,
    scratch: Path,
    progress: Progress,
    validate: Callable[[], float] | None = None,
    store: CheckpointStore = state,
) -> tuple[pa.Table, pa.Table]:
    """Train by `loop.run`, whose other arguments are the same.

    Args:
        batch_of: gives the *global* batch of a number, the same in every process.
        config: of the loop.

    Returns:
        Two tables: metrics (METRICS) and timing (TIMING).

    Raises:
        UserError: as `loop.run`, or batches can't be shared by the processes.
    """
    check_rows(config)
    return loop.run(
        model,
        optimizer,
        lambda done, number: step_loss(model, batch_of(number), config),
        config,
        stage=stage,
        scratch=scratch,
        progress=progress,
        validate=validate,
        store=store,
    )


def check_rows(config: LoopConfig) -> None:
    """Refuse batches that the processes can't share."""
    for rows in BatchSizes.of(config).rows:
        if rows % distribution.world():
            raise UserError(
                f"loop: batches of {rows} rows (rows_per_step, first_rows): they must be a multiple"
                f" of the {distribution.world()} processes"
            )


def step_loss(model: Transformer, batch: Batch, config: LoopConfig) -> StepLoss:
    """The loss of this process' rows, in nats a token.

    Args:
        model: on its device.
        batch: the global batch, [batch, seq].
        config: of the loop.

    Raises:
        UserError: the processes can't share the rows.
        RuntimeError: there is no token to learn.
    """
    rows, context = batch.tokens.shape
    world, rank = distribution.world(), distribution.rank()
    if rows % world:
        raise UserError(f"a batch of {rows} rows can't be shared by {world} processes")
    learned = int(batch.loss_mask.sum())
    if learned == 0:
        raise RuntimeError("a batch without a single token to learn: look at the loss masks")
    share = rows // world
    micro = -(-(config.micro_rows or share) // lanes.count(model, model.device))
    end = (rank + 1) * share

    def term(start: int) -> Tensor:
        part = batch.rows(start, min(start + micro, end)).to(model.device)
        return token_loss(model, part, chunk_tokens=config.loss_chunk_tokens)[0]

    return StepLoss(
        [functools.partial(term, start) for start in range(rank * share, end, micro)],
        normalizer=learned,
        tokens=batch.tokens.numel(),
        flops_per_token=model.config.flops_per_token(context),
    )
