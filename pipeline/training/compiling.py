"""What makes a GPU fast and a CPU not: compiled layers, products in 8 bits, batches made ahead.

A layer is compiled once for all layers, in training only: validation's many shapes would compile
again and again. Casting the weights is compiled apart, so that FSDP can gather and free them in
between. The head's loss has a kernel of its own in `loss`.
"""

from concurrent.futures import Future, ThreadPoolExecutor

import torch

from pipeline.model import Transformer, fp8
from pipeline.training.data_loader import Batch, BatchOf
from pipeline.training.sharded import is_sharded
from storage.errors import UserError


def compile_layers(model: Transformer, backend: str = "inductor") -> None:
    """Compile a layer's forward and backward by torch.compile, in place."""
    # How many borders there are is in the data. (As a decorator this would have every process
    # import the compiler, a second or more.)
    model.borders = torch.compiler.disable(model.borders)
    model.train_step = torch.compile(model.layer_step, backend=backend)
    for layer in model.blocks:
        if not is_sharded(layer):  # whose parameters are other tensors every time
            layer.cast = torch.compile(layer.cast, backend=backend)  # type: ignore[method-assign]


def multiply_in_8_bits(model: Transformer) -> None:
    """Multiply in the layers by `fp8.linear`.

    Raises:
        UserError: the hardware has no 8-bit products.
    """
    if not fp8.supported(model.device):
        raise UserError(
            "pretrain.fp8 needs a GPU with 8-bit products (H100, L40, RTX 40 or later): set it to"
            " false"
        )
    model.linear = fp8.linear


class Ahead:
    """Batches of which the next one is made while the GPU is busy with this one.

    Args:
        batch_of: makes the batch of a number.
    """

    def __init__(self, batch_of: BatchOf) -> None:
        self._batch_of = batch_of
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[int, Future[Batch]] | None = None

    def __call__(self, number: int) -> Batch:
        held, self._next = self._next, None
        ready = held is not None and held[0] == number
        batch = held[1].result() if held is not None and ready else self._batch_of(number)
        self._next = number + 1, self._worker.submit(self._batch_of, number + 1)
        return batch
