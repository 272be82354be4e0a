"""Gradients of all processes added up: in buckets while the backward still runs, or by FSDP.

A bucket holds about 25 MB of neighbouring parameters, the last layers first, because the backward
reaches them first; its message starts when its last gradient is there. Buckets start in one order
in every process. Of several micro-batches only the last one communicates. One process alone
communicates nothing.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pipeline.training import distribution, lanes
from pipeline.training.sharded import is_sharded, local, shard_group

BUCKET_BYTES = 25_000_000  # as in torch's DistributedDataParallel


class GradientSum:
    """The gradients of a model, summed over processes once a step.

    Args:
        model: whose order of parameters is that of the forward pass.
        parameters: those that are trained.
    """

    def __init__(self, model: nn.Module, parameters: Sequence[nn.Parameter]) -> None:
        self._model = model
        self._parameters = list(parameters)
        self._sharded = is_sharded(model)
        self._last = False
        self._buckets: list[_Bucket] = []
        self._started = 0
        if distribution.world() > 1 and not self._sharded:
            self._buckets = _make_buckets(model, self._parameters)
            for bucket in self._buckets:
                for parameter in bucket.parameters:
                    parameter.register_post_accumulate_grad_hook(bucket.one_is_there)
                bucket.when_full = self._start_full_ones

    def backward(
        self, terms: Sequence[Callable[[], Tensor]], normalizer: float, device: torch.device
    ) -> list[Tensor]:
        """Run the forward and backward passes of a step.

        Args:
            terms: each gives the summed loss of a micro-batch, a scalar [].
            normalizer: what losses are divided by before their gradients are taken.
            device: of the model.

        Returns:
            The loss of each term, as it was given.
        """
        count = lanes.count(self._model, device)
        if count > 1 and len(terms) > 1:
            return self._side_by_side(terms, normalizer, count)
        losses = []
        for number, term in enumerate(terms, 1):
            with self.micro_batch(last=number == len(terms)):
                loss = term()
                (loss / normalizer).backward()
            losses.append(loss.detach())
        return losses

    @contextlib.contextmanager
    def micro_batch(self, last: bool) -> Iterator[None]:
        """To be entered around a forward and a backward pass.

        Args:
            last: whether it is the step's last one.
        """
        self._last = last
        if self._sharded:
            cast(Any, self._model).set_requires_gradient_sync(last)
        for bucket in self._buckets:
            bucket.missing = len(bucket.parameters)
        yield

    def _side_by_side(
        self, terms: Sequence[Callable[[], Tensor]], normalizer: float, count: int
    ) -> list[Tensor]:
        """`backward` in lanes, each with gradients of its own until all have ended.

        Buckets are sent when that is so, by `finish`.
        """

        def lane(mine: Sequence[Callable[[], Tensor]]) -> tuple[list[Tensor], list[Tensor | None]]:
            losses: list[Tensor] = []
            summed: list[Tensor | None] = [None] * len(self._parameters)
            for term in mine:
                loss = term()
                losses.append(loss.detach())
                if loss.requires_grad:
                    found = torch.autograd.grad(
                        loss / normalizer, self._parameters, allow_unused=True
                    )
                    summed = _plus(summed, list(found))
            return losses, summed

        work = [functools.partial(lane, terms[number::count]) for number in range(count)]
        done = lanes.run([part for part in work if part.args[0]], count)
        total = functools.reduce(_plus, [summed for _, summed in done])
        for parameter, gradient in zip(self._parameters, total):
            parameter.grad = gradient
        return [done[index % count][0][index // count] for index in range(len(terms))]

    def finish(self) -> list[Tensor]:
        """Wait for the sums.

        Returns:
            This process' gradients of the parameters that have one; they may be changed in place.
        """
        for bucket in self._buckets[self._started :]:
            bucket.start()
        for bucket in self._buckets:
            bucket.wait()
        self._started = 0
        gradients = (p.grad for p in self._parameters if p.grad is not None)
        return [local(gradient) for gradient in gradients]

    def norm(self, gradients: list[Tensor]) -> float:
        """The Euclidean norm over all parameters; where they are sharded, over all processes.

        Args:
            gradients: from `finish`.
        """
        if not gradients:  # nothing taught anything; shards always have some
            return 0.0
        norm = float(torch.stack(list(torch._foreach_norm(gradients))).norm())
        if not self._sharded:
            return norm
        with distribution.among(shard_group(self._parameters[0])):
            (squares,) = distribution.sum_numbers([norm**2], gradients[0].device)
        return float(squares**0.5)

    def _start_full_ones(self) -> None:
        """Send the next buckets in order, as long as they are full: all processes send alike."""
        while (
            self._last
            and self._started < len(self._buckets)
            and self._buckets[self._started].missing == 0
        ):
            self._buckets[self._started].start()
            self._started += 1


def _plus(first: list[Tensor | None], second: list[Tensor | None]) -> list[Tensor | None]:
    """Gradients added up, in the memory of the first; None is zero."""
    both = [(a, b) for a, b in zip(first, second) if a is not None and b is not None]
    if both:
        torch._foreach_add_([a for a, _ in both], [b for _, b in both])
    return [b if a is None else a for a, b in zip(first, second)]


class _Bucket:
    """Parameters whose gradients travel in one message."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.missing = len(parameters)
        self.when_full: Callable[[], None] = lambda: None
        self._flat: Tensor | None = None  # [elements of all of them]
        self._work: dist.Work | None = None

    def one_is_there(self, _: Tensor) -> None:
        self.missing -= 1
        if self.missing == 0:
            self.when_full()

    def start(self) -> None:
        self._flat = torch.cat(
            [
                (torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1)
                for p in self.parameters
            ]
        )
        self._work = dist.all_reduce(self._flat, async_op=True)

    def wait(self) -> None:
        assert self._flat is not None
        assert self._work is not None
        self._work.wait()
        parts = self._flat.split([p.numel() for p in self.parameters])
        for parameter, part in zip(self.parameters, parts):
            parameter.grad = part.view_as(parameter)
        self._flat = self._work = None


def _make_buckets(model: nn.Module, parameters: Sequence[nn.Parameter]) -> list[_Bucket]:
    wanted = {id(parameter) for parameter in parameters}
    buckets: list[list[nn.Parameter]] = [[]]
    size = 0
    for parameter in reversed(list(model.parameters())):
        if id(parameter) not in wanted:
            continue
        if size > BUCKET_BYTES:
            buckets.append([])
            size = 0
        buckets[-1].append(parameter)
        size += parameter.numel() * parameter.element_size()
    return [_Bucket(bucket) for bucket in buckets if bucket]
