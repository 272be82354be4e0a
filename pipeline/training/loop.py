"""The training loop: losses in, metrics and a trained model out; after a kill it resumes bitwise.

A step's loss is a function of its numbers and of the model, the schedule one of the step alone, so
a checkpoint is model, optimizer, random numbers and notes: the step, the metrics so far, and how
often and where the run went back. Numbers that go wrong take it back to an earlier state and on
with later batches, decided from the steps' numbers alone, so that a resume decides alike. The
caller decides what is learned: given tokens (`next_token`) or sampled answers (`pipeline.rl`).
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config import to_dict
from pipeline.model import Transformer
from pipeline.stage import SILENT, Progress
from pipeline.training import distribution, matrix_rate, state
from pipeline.training.checkpoint_manager import CheckpointManager, CheckpointStore, Rhythm
from pipeline.training.config import LoopConfig
from pipeline.training.gradients import GradientSum
from pipeline.training.interruption import EXIT_CODE, Interruption
from pipeline.training.meter import TrainingMeter
from pipeline.training.optimizers import Optimizer
from pipeline.training.run_records import Fingerprint
from pipeline.training.runlog import RunLog
from pipeline.training.spikes import LOSS
from pipeline.training.step import LossOf, take_step
from pipeline.training.watchdog import Watchdog
from storage.errors import UserError
from storage.schemas import METRICS, TIMING
from storage.tables import table

# Settings of how a run is kept safe, which change nothing while nothing goes wrong.
RHYTHM_SETTINGS = ("checkpoint_", "watchdog_")


def run(
    model: Transformer,
    optimizer: Optimizer,
    loss_of: LossOf,
    config: LoopConfig,
    *,
    stage: str,
    scratch: Path,
    progress: Progress,
    validate: Callable[[], float] | None = None,
    store: CheckpointStore = state,
    watched: str = LOSS,
    recipe: Any = None,
) -> tuple[pa.Table, pa.Table]:
    """Train `model` in place for config.steps steps.

    On SIGTERM the step is finished, a checkpoint written, and the process exits with 143.

    Args:
        model: on its device; may be sharded.
        optimizer: of the model's parameters.
        loss_of: called once a step, in every process, with the steps done and the batch's number;
            after a rollback numbers go beyond config.steps.
        config: settings of rows and chunks of tokens are not read: they are `loss_of`'s.
        stage: the name in the metrics and in what people read.
        scratch: folder of the checkpoints.
        progress: is told of steps, metrics and incidents.
        validate: measures validation bits per byte, in every process.
        store: how checkpoints are written.
        watched: the number whose spikes take the run back, see `spikes`.
        recipe: all settings that decide the result, where `config` is only a part of them; a
            checkpoint of another recipe is refused.

    Returns:
        Two tables: metrics (METRICS) and timing (TIMING).

    Raises:
        UserError: settings make no sense, the checkpoints are another run's, or training diverges.
    """
    if validate is None and (config.keep_best or config.early_stop_patience):
        raise UserError(
            f"{stage}: keep_best and early_stop_patience compare validations, and there is nothing"
            " to validate on: hold something back or turn them off"
        )
    keeps_best = config.keep_best or config.checkpoint_keep_best
    if distribution.rank() != 0:
        progress = SILENT
    model.recompute = config.activation_checkpointing == "layers"
    fingerprint: Fingerprint = [
        stage,
        _result_settings(recipe or config),
        to_dict(optimizer.config),
    ]
    rate_of_machine = matrix_rate.measure(model.device, model.compute_dtype)  # no thread works yet
    if rate_of_machine.busy:
        progress.note(f"{stage}: {rate_of_machine.warning()}")
    rhythm = _rhythm(config)
    checkpoints = CheckpointManager(scratch, model, optimizer, fingerprint, rhythm, progress, store)
    sums = GradientSum(model, optimizer.parameters())
    watchdog = Watchdog(config.watchdog_seconds)
    with watchdog, checkpoints, Interruption() as interruption:
        log = RunLog.of(*checkpoints.resume(), config, watched)
        if log.done:
            progress.note(f"{stage}: resumed at step {log.done} of {config.steps}")
        progress.history(stage, log.rows())
        meter = TrainingMeter(model.device, rate_of_machine, log.tokens, log.used)
        model.train()
        while log.goes_on(config):
            watchdog.expect("step")
            number = log.course.batch(log.done)
            loss = loss_of(log.done, number)
            rate = config.rollback_rate_factor ** log.course.rollbacks(log.done)
            step = take_step(model, optimizer, sums, loss, log.done, config, rate)
            step |= {**loss.figures, **loss.learned()}
            log.done += 1
            log.tokens += loss.tokens
            wrong = log.spikes.judge(step["loss"], step["grad_norm"])
            stopping, went_wrong, *clock = distribution.any_of(
                [interruption.requested, bool(wrong), checkpoints.waited, checkpoints.busy],
                model.device,
            )
            due = checkpoints.due(log.done, *clock)
            if went_wrong:
                watchdog.expect("rollback")
                log = _go_back(log, wrong, number, config, stage, checkpoints, progress)
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
                timing = meter.row(log.done, log.tokens, loss.flops_per_token)
                log.add(stage, step, measured, timing)
                progress.metric(**{**next(log.rows(-1)), **loss.told})
            numbers = {**step, **loss.told}
            _update(progress, log, config, {name: numbers[name] for name in loss.shown})
            record = log.is_best(measured) and keeps_best
            if stopping or ((due or record) and not last):
                watchdog.expect("checkpoint")
                bests = log.best_steps() if keeps_best else []
                checkpoints.save(log.done, log.notes(meter), bests)
            if stopping:
                checkpoints.wait()
                sys.exit(EXIT_CODE)
        watchdog.expect("checkpoint")
        if log.done < config.steps:
            progress.note(
                f"{stage}: ended after step {log.done} of {config.steps}: the last"
                f" {log.without_gain} validations brought no gain"
            )
        if config.keep_best and log.best_step not in (None, log.done):
            checkpoints.take(log.best_step)
            progress.note(
                f"{stage}: the model is that of step {log.best_step}, the best validation"
            )
        progress.note(f"{stage}: {meter.summary()}")
    return table(log.metrics, METRICS), table(log.timing, TIMING)


def _go_back(
    log: RunLog,
    wrong: str,
    number: int,
    config: LoopConfig,
    stage: str,
    checkpoints: CheckpointManager,
    progress: Progress,
) -> RunLog:
    """Restore the run at an earlier anchor, on a course around the batches since then.

    Args:
        log: of the run as it is.
        wrong: what is wrong, in words.
        number: of the batch at which it showed.
        config: of the loop.
        stage: the run's name.
        checkpoints: to restore from.
        progress: is told.

    Returns:
        The log of the run as it then is.

    Raises:
        UserError: the run has gone back often enough, or must not.
    """
    what = f"{stage}: {wrong} at step {log.done}"
    if not config.rollback_steps or log.course.count >= config.rollback_limit:
        times = f" after {log.course.count} rollbacks" if log.course.count else ""
        raise UserError(
            f"{what}{times}: training diverges; lower the learning rates or look at batch {number}"
        )
    # What made the loss rise came before it did: at least half the distance back, at most 1.5.
    began = log.done - max(1, log.spikes.streak)
    anchor, notes = checkpoints.back(max(0, began - config.rollback_steps // 2))
    course = log.course.back(log.done, anchor)
    progress.note(
        f"{what}: back to step {anchor}, past the {log.done - anchor} batches since"
        f" (rollback {course.count} of {config.rollback_limit})"
    )
    earlier = RunLog.of(anchor, notes, config, log.spikes.of)
    earlier.course = course
    return earlier


def _result_settings(config: Any) -> dict[str, Any]:
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


def _update(progress: Progress, log: RunLog, config: LoopConfig, shown: dict[str, float]) -> None:
    """Report how far the run is."""
    newest = log.timing[-1] if log.timing else None
    progress.update(
        log.done,
        config.steps,
        "steps",
        **shown,
        bits_per_byte=log.validated,
        tokens_per_second=newest and newest["tokens_per_second"],
        mfu=newest and newest["mfu"],
    )


def _multiple(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
