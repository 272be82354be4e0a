"""The training loop: batches in, metrics and a trained model out; after a kill it resumes bitwise.

The batch is a pure function of the step, the schedule too, so a checkpoint is model, optimizer,
random numbers, the step and the metrics rows so far. When one is written depends on the clock,
which is safe because writing changes nothing. Loss and gradients are means over the learned tokens
of the whole global batch, however it is split over processes and accumulation steps.
"""

import contextlib
import dataclasses
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from pipeline.config import to_dict
from pipeline.model import Transformer
from pipeline.stage import SILENT, Progress
from pipeline.training import distribution, state
from pipeline.training.config import LoopConfig
from pipeline.training.data import Batch
from pipeline.training.interruption import EXIT_CODE, Interruption
from pipeline.training.loss import token_loss
from pipeline.training.optimizers import Optimizer
from pipeline.training.runtime import measured_peak_flops
from pipeline.training.schedule import lr_scale
from storage.errors import UserError
from storage.schemas import METRICS, TIMING
from storage.tables import table

METRIC_EVENT_SECONDS = 0.5  # live curves need no more events than this


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
) -> tuple[pa.Table, pa.Table]:
    """Train `model` in place for config.steps steps; (metrics as METRICS, timing as TIMING).

    `batch_of(step)` gives the *global* batch, the same in every process. `validate` measures
    validation bits per byte, in every process. Rank 0's tables are whole, others' may not be. On
    SIGTERM the step is finished, a checkpoint written, and the process exits with 143.
    """
    _check(config)
    if distribution.rank() != 0:
        progress = SILENT
    fingerprint = [stage, _result_settings(config), to_dict(optimizer.config)]
    done, notes = state.restore(scratch, model, optimizer, fingerprint)
    metrics: list[dict[str, Any]] = notes.get("metrics", [])
    timing: list[dict[str, Any]] = notes.get("timing", [])
    tokens: int = notes.get("tokens", 0)
    clock = _Clock(model, notes.get("seconds", 0.0), tokens)
    if done:
        progress.note(f"{stage}: resumed at step {done} of {config.steps}")
    model.train()

    def save() -> None:
        if distribution.rank() == 0:
            kept = {"metrics": metrics, "timing": timing, "tokens": tokens}
            kept["seconds"] = clock.seconds()
            state.save(scratch, done, model, optimizer, fingerprint, kept)

    saved_at = shown_at = time.monotonic()
    with Interruption() as interruption:
        while done < config.steps:
            batch = batch_of(done)
            step = _step(model, optimizer, batch, done, config, stage)
            done += 1
            tokens += batch.tokens.numel()
            last = done == config.steps
            measured = None
            if validate and (last or (config.validate_every and done % config.validate_every == 0)):
                with clock.paused():
                    measured = validate()
                model.train()
            if last or measured is not None or done % config.log_every == 0:
                row = {"stage": stage, "step": done, "tokens": tokens, **step}
                row["validation_bits_per_byte"] = measured
                metrics.append(row)
                timing.append(clock.row(done, tokens, batch.tokens.shape[1]))
                if last or measured is not None or _since(shown_at) >= METRIC_EVENT_SECONDS:
                    shown_at = time.monotonic()
                    _show(progress, stage, row, timing[-1])
            speed = timing[-1]["tokens_per_second"] if timing else None
            progress.update(done, config.steps, "steps", loss=step["loss"], tokens_per_second=speed)
            stopping = distribution.any_true(interruption.requested, model.device)
            due = _since(saved_at) >= config.checkpoint_seconds or (
                config.checkpoint_steps and done % config.checkpoint_steps == 0
            )
            if stopping or (due and not last):
                save()
                saved_at = time.monotonic()
            if stopping:
                sys.exit(EXIT_CODE)
    return table(metrics, METRICS), table(timing, TIMING)


def _check(config: LoopConfig) -> None:
    if config.steps < 1 or config.rows_per_step < 1 or config.log_every < 1:
        raise UserError("loop: steps, rows_per_step and log_every must be at least 1")
    if config.rows_per_step % distribution.world():
        raise UserError(
            f"loop.rows_per_step is {config.rows_per_step}: it must be a multiple of the "
            f"{distribution.world()} processes"
        )


def _result_settings(config: LoopConfig) -> dict[str, Any]:
    """The settings that can change a result: a resume may use another checkpoint rhythm."""
    settings = to_dict(config)
    return {k: v for k, v in settings.items() if not k.startswith("checkpoint_")}


def _step(
    model: Transformer,
    optimizer: Optimizer,
    batch: Batch,
    done: int,
    config: LoopConfig,
    stage: str,
) -> dict[str, float]:
    """One update of the model; loss (nats a token, before it), gradient norm and learning rate."""
    parameters = optimizer.parameters()
    loss = _gradients(model, parameters, batch, config)
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = float(torch.stack(list(torch._foreach_norm(gradients))).norm())
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise RuntimeError(
            f"{stage}: loss {loss} and gradient norm {norm} at step {done + 1}: training diverged; "
            "lower the learning rates or look at that step's batch"
        )
    if config.max_grad_norm and norm > config.max_grad_norm:
        torch._foreach_mul_(gradients, config.max_grad_norm / norm)
    scale = lr_scale(
        done,
        config.steps,
        config.warmup_steps,
        config.warmdown_fraction,
        config.final_fraction,
    )
    optimizer.step(scale)
    optimizer.clear_gradients()
    return {"loss": loss, "lr": scale * optimizer.config.matrix_lr, "grad_norm": norm}


def _gradients(
    model: Transformer, parameters: list[torch.nn.Parameter], batch: Batch, config: LoopConfig
) -> float:
    """Fill `.grad` with the mean over the global batch's learned tokens; the mean loss in nats."""
    rows = len(batch.tokens)
    world, rank = distribution.world(), distribution.rank()
    if rows % world:
        raise UserError(f"a batch of {rows} rows can't be shared by {world} processes")
    learned = int(batch.loss_mask.sum())
    if learned == 0:
        raise RuntimeError("a batch without a single token to learn: look at the loss masks")
    share = rows // world
    micro = config.micro_rows or share
    nats = torch.zeros((), dtype=torch.float64)
    for start in range(rank * share, (rank + 1) * share, micro):
        part = batch.rows(start, min(start + micro, (rank + 1) * share)).to(model.device)
        total, _ = token_loss(model, part, chunk_tokens=config.loss_chunk_tokens)
        (total / learned).backward()
        nats += total.detach().cpu()
    distribution.sum_gradients(parameters)
    return distribution.sum_numbers([float(nats)], model.device)[0] / learned


def _show(progress: Progress, stage: str, row: dict[str, Any], timing: dict[str, Any]) -> None:
    names = ("tokens", "loss", "validation_bits_per_byte", "lr", "grad_norm")
    numbers = {name: row[name] for name in names if row[name] is not None}
    speeds = {name: timing[name] for name in ("seconds", "tokens_per_second", "mfu")}
    progress.metric(stage, row["step"], **numbers, **speeds)


def _since(moment: float) -> float:
    return time.monotonic() - moment


@dataclasses.dataclass
class _Clock:
    """Training seconds over all resumes, and speed since the last row; validation not counted."""

    model: Transformer
    before: float  # seconds of earlier processes
    last_tokens: int

    def __post_init__(self) -> None:
        self.peak = measured_peak_flops(self.model.device, self.model.compute_dtype)
        self.start = self.last = time.perf_counter()

    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.start

    @contextlib.contextmanager
    def paused(self) -> Any:
        began = time.perf_counter()
        yield
        pause = time.perf_counter() - began
        self.start += pause
        self.last += pause

    def row(self, step: int, tokens: int, context: int) -> dict[str, Any]:
        now = time.perf_counter()
        speed = (tokens - self.last_tokens) / max(now - self.last, 1e-9)
        self.last, self.last_tokens = now, tokens
        flops = self.model.config.flops_per_token(context) * speed
        return {
            "step": step,
            "seconds": self.seconds(),
            "tokens_per_second": speed,
            "mfu": flops / (self.peak * distribution.world()),
        }
