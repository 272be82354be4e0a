"""A step: terms summed and divided, clipped, at the schedule's rate, or nothing moved at all."""

import functools
import math
from typing import cast

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from patience import PATIENCE_SECONDS, free_port

from pipeline.model import Transformer
from pipeline.training import distribution, gradients
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.gradients import GradientSum
from pipeline.training.optimizers import Optimizer
from pipeline.training.step import StepLoss, add_gradients, take_step


class Slopes(torch.nn.Module):
    """4 + 9 numbers, whose slopes are 2 and 1: their norm is sqrt(16 + 9) = 5; two of no slope."""

    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.c = torch.nn.Parameter(torch.zeros(2))
        self.a = torch.nn.Parameter(torch.zeros(4))
        self.b = torch.nn.Parameter(torch.zeros(9))

    def term(self, slopes, loss):
        a, b = self.a.sum(), self.b.sum()
        a.register_hook(lambda slope: slope * slopes[0])  # the loss itself stays what it is
        b.register_hook(lambda slope: slope * slopes[1])
        return a + b + loss


class Stepped:
    """An optimizer that keeps what it is given."""

    config = OptimizerConfig(matrix_lr=0.08)

    def __init__(self, model):
        self.model, self.seen = model, []

    def step(self, scale):
        slopes = [None if p.grad is None else p.grad.tolist() for p in self.model.parameters()]
        self.seen.append((scale, slopes))

    def clear_gradients(self):
        for parameter in self.model.parameters():
            parameter.grad = None


def one_step(slopes=(2.0, 1.0), loss=1.5, done=0, rate=1.0, **settings):
    model = Slopes()
    terms = [functools.partial(model.term, slopes, loss)] if slopes else []
    optimizer = Stepped(model)
    config = LoopConfig(**{"steps": 10, "warmup_steps": 4, "warmdown_fraction": 0.0, **settings})
    sums = GradientSum(model, list(model.parameters()))
    given = StepLoss(terms, normalizer=1.0, tokens=1)
    found = take_step(
        cast(Transformer, model), cast(Optimizer, optimizer), sums, given, done, config, rate
    )
    assert all(parameter.grad is None for parameter in model.parameters())
    return found, optimizer.seen


@pytest.mark.parametrize(
    ("most", "factor"), [(0.0, 1.0), (5.0, 1.0), (5.1, 1.0), (2.5, 0.5), (1.0, 0.2)]
)
def test_clipping_by_hand(most, factor):
    found, ((_, (c, a, b)),) = one_step(max_grad_norm=most)
    assert found["grad_norm"] == pytest.approx(5.0)  # as it was before
    assert a == pytest.approx([2.0 * factor] * 4)
    assert b == pytest.approx([1.0 * factor] * 9)
    assert c is None


@pytest.mark.parametrize(
    ("done", "settings", "scale"),
    [
        (0, {}, 0.25),
        (2, {}, 0.75),
        (7, {}, 1.0),
        (9, {"warmdown_fraction": 0.5, "final_fraction": 0.1}, 0.1),
        (8, {"warmdown_fraction": 0.5, "final_fraction": 0.1}, 0.28),  # 0.1 + 0.9 / 5
        (7, {"rate": 0.5}, 0.5),
    ],
)
def test_a_step_takes_the_schedules_rate(done, settings, scale):
    found, ((taken, _),) = one_step(done=done, **settings)
    assert taken == pytest.approx(scale)
    assert found["lr"] == pytest.approx(0.08 * scale)
    assert found["loss"] == 1.5


@pytest.mark.parametrize(
    ("slopes", "loss"), [((math.nan, 1.0), 1.0), ((math.inf, 1.0), 1.0), ((2.0, 1.0), math.inf)]
)
def test_what_is_no_number_moves_nothing(slopes, loss):
    _, seen = one_step(slopes, loss)
    assert seen == []


@pytest.mark.parametrize("slopes", [(), (0.0, 0.0)])
def test_without_a_gradient_nothing_moves(slopes):
    """Momentum and weight decay included; the loss may be anything but the step did not happen."""
    found, seen = one_step(slopes, loss=0.0)
    assert (found["loss"], found["grad_norm"]) == (0.0, 0.0)
    assert seen == []


def test_terms_are_summed_and_divided_over_all_processes(monkeypatch):
    monkeypatch.setattr(distribution, "sum_numbers", lambda values, _: [v + 8.0 for v in values])
    model = Slopes()
    terms = [functools.partial(model.term, (2.0, 1.0), loss) for loss in (1.0, 5.0)]
    sums = GradientSum(model, list(model.parameters()))
    loss, slopes = add_gradients(sums, StepLoss(terms, normalizer=4.0, tokens=7), model.device)
    assert loss == (1.0 + 5.0 + 8.0) / 4.0
    assert [slope.tolist() for slope in slopes] == [[1.0] * 4, [0.5] * 9]


def one_of_two(rank: int, port: int, queue: mp.SimpleQueue) -> None:
    """The second process has nothing to learn from; at the next step the first has nothing."""
    torch.set_num_threads(1)
    gradients.BUCKET_BYTES = 8
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    model = Slopes()
    sums = GradientSum(model, list(model.parameters()))
    seen = []
    for teacher in (0, 1):
        model.zero_grad(set_to_none=True)
        terms = [functools.partial(model.term, (1.0, 0.5), 1.5)] * (2 if rank == teacher else 0)
        loss = StepLoss(terms, normalizer=2.0, tokens=1)
        value, slopes = add_gradients(sums, loss, model.device)
        seen.append((value, [slope.tolist() for slope in slopes], sums.norm(slopes)))
    if rank == 1:
        queue.put((len(sums._buckets), seen))
    dist.barrier()
    dist.destroy_process_group()


def test_a_process_without_terms_learns_what_the_other_does() -> None:
    port = free_port()
    queue = mp.get_context("spawn").SimpleQueue()
    context = mp.spawn(one_of_two, (port, queue), nprocs=2, join=False)
    while not context.join(timeout=PATIENCE_SECONDS):
        pass
    buckets, seen = queue.get()
    assert buckets == 3
    assert seen == [(1.5, [[0.0] * 2, [1.0] * 4, [0.5] * 9], pytest.approx(2.5))] * 2
