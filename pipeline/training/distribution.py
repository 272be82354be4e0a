"""Several processes from torchrun's environment: gloo on CPUs, nccl on GPUs, nothing when alone.

Every process computes the same global batch, takes its rows and sums its gradients with the
others' (see `gradients`): one code path, one process being the case without communication. Shards
are in `sharding`. Where a group of processes holds all shards and other groups the same ones,
`among` restricts all of this to one group.
"""

import contextlib
import contextvars
import datetime
import os
from collections.abc import Iterable, Iterator

import torch
import torch.distributed as dist
from torch import Tensor

from pipeline.model import device as devices

# A rank may wait while another validates or writes; a dead one must not hang the others for long.
TIMEOUT = datetime.timedelta(minutes=10)


def init(device: torch.device) -> torch.device:
    """Join the process group that torchrun announces, if any.

    Args:
        device: of which kind is to be used.

    Returns:
        The device of this process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    gpu = devices.on_cuda(device)
    if gpu:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        if gpu:
            dist.init_process_group("nccl", timeout=TIMEOUT, device_id=device)
        else:
            dist.init_process_group("gloo", timeout=TIMEOUT)
    return device


# Of this thread: a checkpoint is written beside the training.
_scope: contextvars.ContextVar["dist.ProcessGroup | None"] = contextvars.ContextVar(
    "scope", default=None
)


@contextlib.contextmanager
def among(group: "dist.ProcessGroup | None") -> Iterator[None]:
    """While it is entered, `world`, `rank` and all messages are a process group's.

    Args:
        group: of processes; None: all of them.
    """
    before = _scope.set(group)
    try:
        yield
    finally:
        _scope.reset(before)


def group() -> "dist.ProcessGroup | None":
    """The process group of `among`; None: all processes."""
    return _scope.get()


def world() -> int:
    """Number of processes."""
    return dist.get_world_size(group()) if dist.is_initialized() else 1


def rank() -> int:
    """This process' number; 0 writes."""
    return dist.get_rank(group()) if dist.is_initialized() else 0


def nodes() -> int:
    """Number of machines, each with as many processes."""
    return world() // int(os.environ.get("LOCAL_WORLD_SIZE", world()))


def sum_numbers(values: list[float], device: torch.device) -> list[float]:
    """Each number's sum over all processes."""
    if world() == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor, group=group())
    return [float(value) for value in tensor.tolist()]


def any_of(flags: list[bool], device: torch.device) -> list[bool]:
    """Whether each flag is true in any process: how all stop, go back and save at the same step."""
    return [value > 0 for value in sum_numbers([float(flag) for flag in flags], device)]


def any_true(flag: bool, device: torch.device) -> bool:
    """Whether a flag is true in any process."""
    return any_of([flag], device)[0]


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Overwrite every process' tensors with rank 0's."""
    if world() == 1:
        return
    with torch.no_grad():
        for tensor in tensors:
            dist.broadcast(tensor, group=group(), group_src=0)


def broadcast_number(value: int, device: torch.device) -> int:
    """Rank 0's number."""
    if world() == 1:
        return value
    tensor = torch.tensor([value], dtype=torch.int64, device=device)
    dist.broadcast(tensor, group=group(), group_src=0)
    return int(tensor.item())


def close() -> None:
    """Wait for all processes and leave the group: from here on they end one by one."""
    if dist.is_initialized():
        dist.barrier()
        # gloo's group ends with its process: see pipeline.worker.child
        if dist.get_backend() == "nccl":
            dist.destroy_process_group()
