"""One step of any training: gradients of a mean over all processes' tokens, clipped, one update.

The caller decides what is learned: a `StepLoss` holds this process' micro-batches as functions that
give the sum of their tokens' losses. Predicting the next token and the policy gradient differ in
nothing else.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pipeline.model import Transformer
from pipeline.training import distribution
from pipeline.training.config import LoopConfig
from pipeline.training.gradients import GradientSum
from pipeline.training.optimizers import Optimizer
from pipeline.training.schedule import lr_scale


@dataclasses.dataclass(frozen=True)
class StepLoss:
    """The loss of one step: the sum of the terms of all processes, divided by `normalizer`."""

    # For each of this process' micro-batches a function of its summed loss, a scalar []; they may
    # be called side by side. There may be none, where nothing in its share has a gradient.
    terms: Sequence[Callable[[], Tensor]]
    normalizer: float  # tokens that the loss is a mean over, of all processes
    tokens: int  # seen in this step, by all processes
    flops_per_token: float | None = None  # None where a step is more than training: no MFU
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)  # columns of METRICS
    shown: tuple[str, ...] = ("loss",)  # of a step's numbers, those that progress shows
    # more numbers, which live curves and progress are told and METRICS has no column for
    told: Mapping[str, float] = dataclasses.field(default_factory=dict)
    # more columns of METRICS, asked for in every process once all terms have been called
    learned: Callable[[], Mapping[str, float]] = dict


# From steps done and the number of the batch to its loss, under the model as it then is. The number
# is the same in every process, and after a rollback it runs ahead of the step.
LossOf = Callable[[int, int], StepLoss]


def weighted(terms: Sequence[Callable[[], Tensor]], weight: float) -> list[Callable[[], Tensor]]:
    """The terms of a part of a loss, times its weight."""

    def scaled(term: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return lambda: weight * term()

    return [scaled(term) for term in terms]


def add_gradients(
    sums: GradientSum, loss: StepLoss, device: torch.device
) -> tuple[float, list[Tensor]]:
    """Run the backward passes of a step.

    Args:
        sums: adds up the gradients of all processes.
        loss: of the step.
        device: of the model.

    Returns:
        The loss over all processes, before the update, and this process' gradients, summed over
        processes.
    """
    total = torch.zeros((), dtype=torch.float64, device=device)
    for part in sums.backward(loss.terms, loss.normalizer, device):
        total += part
    # Before any other message: a process without terms sends its gradients' buckets only here.
    gradients = sums.finish()
    return distribution.sum_numbers([float(total)], device)[0] / loss.normalizer, gradients


def take_step(
    model: Transformer,
    optimizer: Optimizer,
    sums: GradientSum,
    loss: StepLoss,
    done: int,
    config: LoopConfig,
    rate: float,
) -> dict[str, float]:
    """Update the model once.

    Not where loss or gradient is non-finite, or where there is no gradient at all: momentum and
    weight decay must not act alone.

    Args:
        model: is changed in place.
        optimizer: likewise.
        sums: adds up the gradients of all processes.
        loss: of the step.
        done: steps before this one.
        config: schedule and clipping.
        rate: a factor on the schedule's learning rates.

    Returns:
        By columns of METRICS: the loss before the update, the matrices' learning rate, and the
        gradient's norm before it was clipped.
    """
    value, gradients = add_gradients(sums, loss, model.device)
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
    if math.isfinite(value) and math.isfinite(norm) and norm > 0.0:
        optimizer.step(scale)
    optimizer.clear_gradients()
    return {"loss": value, "lr": scale * optimizer.config.matrix_lr, "grad_norm": norm}
