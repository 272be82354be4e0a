"""The training loop: batches in, metrics and a trained model out; after a kill it resumes bitwise.

The batch is a pure function of the step, the schedule too, so a checkpoint is model, optimizer,
random numbers and notes: the step, the metrics so far, and how often and where the run went back.
Numbers that go wrong take it back to an earlier state and on with later batches, decided from the
steps' numbers alone, so that a resume decides alike. Loss and gradients are means over the learned
tokens of the whole global batch, however it is split over processes and accumulation steps.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from pipeline.config import to_dict
from pipeline.model import Transformer
from pipeline.stage import SILENT, Progress
from pipeline.training import distribution, matrix_rate, state
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.config import ACTIVATION_CHECKPOINTING, LoopConfig
from pipeline.training.data import Batch
from pipeline.training.gradients import GradientSum
from pipeline.training.interruption import EXIT_CODE, Interruption
from pipeline.training.keeper import Keeper, Rhythm, Store
from pipeline.training.loss import token_loss
from pipeline.training.meter import Meter
from pipeline.training.optimizers import Optimizer
from pipeline.training.runlog import RunLog
from pipeline.training.schedule import lr_scale
from pipeline.training.watchdog import Watchdog
from storage.errors import UserError
from storage.schemas import METRICS, TIMING
from storage.tables import table

# Settings of how a run is kept safe, which change nothing while nothing goes wrong.
RHYTHM_SETTINGS = ("checkpoint_", "watchdog_")


def train(
    model: Transformer,
    optimizer: Optimizer,
    batch_of: Callable[[int], Batch],
    config: LoopConfig,
    *,
    stage: str,
    scratch: Path,
    progress: Progress,
    validate: Callable[[], float] | None = None,
    store: Store = state,
) -> tuple[pa.Table, pa.Table]:
    """Train `model` in place for config.steps steps; (metrics as METRICS, timing as TIMING).

    `batch_of(number)` gives a *global* batch, the same in every process; after a rollback it is
    asked for numbers beyond config.steps. `validate` measures validation bits per byte, in every
    process. On SIGTERM the step is finished, a checkpoint written, and the process exits with 143.
    """
    _check(config)
    if distribution.rank() != 0:
        progress = SILENT
    model.recompute = config.activation_checkpointing == "layers"
    fingerprint = [stage, _result_settings(config), to_dict(optimizer.config)]
    rate_of_machine = matrix_rate.measure(model.device, model.compute_dtype)  # no thread works yet
    if rate_of_machine.busy:
        progress.note(f"{stage}: {rate_of_machine.warning()}")
    rhythm = _rhythm(config)
    keeper = Keeper(scratch, model, optimizer, fingerprint, rhythm, progress, store)
    sums = GradientSum(model, optimizer.parameters())
    watchdog = Watchdog(config.watchdog_seconds)
    with watchdog, keeper, Interruption() as interruption:
        log = RunLog.of(*keeper.resume(), config)
        if log.done:
            progress.note(f"{stage}: resumed at step {log.done} of {config.steps}")
        progress.history(stage, log.rows())
        meter = Meter(model.device, rate_of_machine, log.tokens, log.used)
        model.train()
        while log.done < config.steps:
            watchdog.expect("step")
            number = log.course.batch(log.done)
            batch = batch_of(number)
            rate = config.rollback_rate_factor ** log.course.rollbacks(log.done)
            step = _step(model, optimizer, sums, batch, log.done, config, rate)
            log.done += 1
            log.tokens += batch.tokens.numel()
            wrong = log.spikes.judge(step["loss"], step["grad_norm"])
            stopping, went_wrong, *clock = distribution.any_of(
                [interruption.requested, bool(wrong), keeper.waited, keeper.busy], model.device
            )
            due = keeper.due(log.done, *clock)
            if went_wrong:
                watchdog.expect("rollback")
                log = _go_back(log, wrong, number, config, stage, keeper, progress)
                progress.history(stage, log.rows())
                meter.went_back(log.tokens)
                continue
            last = log.done == config.steps
            measured = None
            if validate and (last or _multiple(log.done, config.validate_every)):
                watchdog.expect("validation")
                with meter.paused():
                    measured = validate()
                model.train()
                watchdog.expect("step")
            if last or measured is not None or log.done % config.log_every == 0:
                flops = model.config.flops_per_token(batch.tokens.shape[1])
                log.add(stage, step, measured, meter.row(log.done, log.tokens, flops))
                progress.metric(**log.metrics[-1] | log.timing[-1])
            _update(progress, log, config, step["loss"])
            record = config.checkpoint_keep_best and log.is_best(measured)
            if stopping or ((due or record) and not last):
                watchdog.expect("checkpoint")
                keeper.save(log.done, log.notes(meter), log.best_step)
            if stopping:
                keeper.wait()
                sys.exit(EXIT_CODE)
        watchdog.expect("checkpoint")
        progress.note(f"{stage}: {meter.summary()}")
    return table(log.metrics, METRICS), table(log.timing, TIMING)


def _go_back(
    log: RunLog,
    wrong: str,
    number: int,
    config: LoopConfig,
    stage: str,
    keeper: Keeper,
    progress: Progress,
) -> RunLog:
    """The run as it was at an earlier anchor, on a course around the batches since then."""
    what = f"{stage}: {wrong} at step {log.done}"
    if not config.rollback_steps or log.course.count >= config.rollback_limit:
        times = f" after {log.course.count} rollbacks" if log.course.count else ""
        raise UserError(
            f"{what}{times}: training diverges; lower the learning rates or look at batch {number}"
        )
    # What made the loss rise came before it did: at least half the distance back, at most 1.5.
    began = log.done - max(1, log.spikes.streak)
    anchor, notes = keeper.back(max(0, began - config.rollback_steps // 2))
    course = log.course.back(log.done, anchor)
    progress.note(
        f"{what}: back to step {anchor}, past the {log.done - anchor} batches since"
        f" (rollback {course.count} of {config.rollback_limit})"
    )
    earlier = RunLog.of(anchor, notes, config)
    earlier.course = course
    return earlier


def _check(config: LoopConfig) -> None:
    if config.steps < 1 or config.rows_per_step < 1 or config.log_every < 1:
        raise UserError("loop: steps, rows_per_step and log_every must be at least 1")
    if config.rollback_steps < 0 or config.rollback_limit < 0 or config.spike_window < 1:
        raise UserError(
            "loop: rollback_steps and rollback_limit must be at least 0, spike_window at least 1"
        )
    check_recomputation(config.activation_checkpointing)
    for rows in BatchSizes.of(config).rows:
        if rows % distribution.world():
            raise UserError(
                f"loop: batches of {rows} rows (rows_per_step, first_rows): they must be a multiple"
                f" of the {distribution.world()} processes"
            )


def check_recomputation(setting: str) -> None:
    """UserError where the setting is none."""
    if setting not in ACTIVATION_CHECKPOINTING:
        raise UserError(
            f"activation_checkpointing is {setting!r}: use {' or '.join(ACTIVATION_CHECKPOINTING)}"
        )


def _result_settings(config: LoopConfig) -> dict[str, Any]:
    """The settings that can change a result: a resume may use another checkpoint rhythm."""
    settings = to_dict(config)
    return {k: v for k, v in settings.items() if not k.startswith(RHYTHM_SETTINGS)}


def _rhythm(config: LoopConfig) -> Rhythm:
    return Rhythm(
        config.checkpoint_seconds,
        config.checkpoint_steps,
        config.checkpoint_keep,
        config.checkpoint_keep_every,
        config.rollback_steps,
    )


def _step(
    model: Transformer,
    optimizer: Optimizer,
    sums: GradientSum,
    batch: Batch,
    done: int,
    config: LoopConfig,
    rate: float,
) -> dict[str, float]:
    """One update of the model; loss (nats a token, before it), gradient norm and learning rate.

    Without an update where loss or gradient is no number. `rate` is a factor on the schedule's.
    """
    loss = _add_gradients(model, sums, batch, config)
    gradients = sums.finish()
    norm = sums.norm(gradients)
    if config.max_grad_norm and norm > config.max_grad_norm:
        torch._foreach_mul_(gradients, config.max_grad_norm / norm)
    scale = rate * lr_scale(
        done,
        config.steps,
        config.warmup_steps,
        config.warmdown_fraction,
        config.final_fraction,
    )
    if math.isfinite(loss) and math.isfinite(norm):
        optimizer.step(scale)
    optimizer.clear_gradients()
    return {"loss": loss, "lr": scale * optimizer.config.matrix_lr, "grad_norm": norm}


def _add_gradients(
    model: Transformer, sums: GradientSum, batch: Batch, config: LoopConfig
) -> float:
    """Gradients of the mean over the global batch's learned tokens; that mean loss in nats."""
    rows = len(batch.tokens)
    world, rank = distribution.world(), distribution.rank()
    if rows % world:
        raise UserError(f"a batch of {rows} rows can't be shared by {world} processes")
    learned = int(batch.loss_mask.sum())
    if learned == 0:
        raise RuntimeError("a batch without a single token to learn: look at the loss masks")
    share = rows // world
    micro = config.micro_rows or share
    end = (rank + 1) * share
    nats = torch.zeros((), dtype=torch.float64, device=model.device)
    for start in range(rank * share, end, micro):
        part = batch.rows(start, min(start + micro, end)).to(model.device)
        with sums.micro_batch(last=start + micro >= end):
            total, _ = token_loss(model, part, chunk_tokens=config.loss_chunk_tokens)
            (total / learned).backward()
        nats += total.detach()
    return distribution.sum_numbers([float(nats)], model.device)[0] / learned


def _update(progress: Progress, log: RunLog, config: LoopConfig, loss: float) -> None:
    """How far the run is, for whoever looks on."""
    timing = log.timing[-1] if log.timing else {}
    numbers = {name: timing.get(name) for name in ("tokens_per_second", "mfu")}
    progress.update(
        log.done, config.steps, "steps", loss=loss, bits_per_byte=log.validated, **numbers
    )


def _multiple(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
