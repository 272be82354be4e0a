"""A run's whole state to a checkpoint and back: model, optimizer, random numbers, notes.

`restore` after any kill continues bit for bit. The fingerprint (configs, as JSON) protects against
a scratch folder that another run left behind. One file holds everything and rank 0 writes it; a run
whose parameters are sharded gives `loop.run` another store of the same functions.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.model import device as devices
from pipeline.training import checkpoint, distribution
from pipeline.training.optimizers import Optimizer
from pipeline.training.run_records import CheckpointMeta, Fingerprint, RunNotes
from storage.errors import UserError

# From the steps that have a checkpoint, in order, to those to try, the first choice first.
Order = Callable[[list[int]], list[int]]
Json = TypeVar("Json")


def newest_first(steps: list[int]) -> list[int]:
    """The default order in which checkpoints are tried."""
    return steps[::-1]


def writes() -> bool:
    """Whether this process has a part in writing checkpoints."""
    return distribution.rank() == 0


def snapshot(
    model: nn.Module, optimizer: Optimizer, into: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """A copy of the state in host memory, without weights that are frozen.

    Args:
        model: in one piece.
        optimizer: of its parameters.
        into: an earlier copy, which is overwritten.
    """
    frozen = _frozen(model)
    live = {f"model.{k}": t for k, t in model.state_dict().items() if k not in frozen}
    for name, tensor in optimizer.state_tensors().items():
        live[f"optimizer.{name}"] = tensor
    live["rng.cpu"] = torch.get_rng_state()
    gpu = devices.on_cuda(next(model.parameters()).device)
    if gpu:
        live["rng.cuda"] = torch.cuda.get_rng_state()
    copies = {} if into is None else into
    for name, tensor in live.items():
        if name not in copies:  # pinned memory lets all copies be under way at once
            copies[name] = torch.empty_like(
                tensor, device="cpu", pin_memory=devices.on_cuda(tensor.device)
            )
        copies[name].copy_(tensor, non_blocking=True)
    if gpu:
        torch.cuda.synchronize()
    return copies


def write(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    meta: CheckpointMeta,
    keep: checkpoint.Keep,
) -> None:
    """Write a snapshot to disk; called in a thread, so it must not talk to other processes.

    Args:
        folder: of the run's checkpoints.
        step: steps done.
        tensors: the snapshot.
        meta: what stands beside it.
        keep: which checkpoints stay.
    """
    checkpoint.save(folder, step, tensors, meta, keep)


def restore(
    folder: Path,
    model: nn.Module,
    optimizer: Optimizer,
    fingerprint: Fingerprint,
    order: Order = newest_first,
) -> tuple[int, RunNotes]:
    """Load the first whole checkpoint; under torchrun rank 0 reads and sends it to the others.

    Args:
        folder: of the run's checkpoints.
        model: is changed in place.
        optimizer: likewise.
        fingerprint: of this run.
        order: in which checkpoints are tried.

    Returns:
        Steps done and notes; (-1, {}) if there is no checkpoint.

    Raises:
        UserError: a checkpoint is another run's.
    """
    device = next(model.parameters()).device
    found = _read(folder, fingerprint, order) if distribution.rank() == 0 else None
    if found is not None:
        model.load_state_dict(_frozen(model) | _part(found.tensors, "model."))
        optimizer.load_state_tensors(_part(found.tensors, "optimizer."))
        torch.set_rng_state(found.tensors["rng.cpu"])
        if devices.on_cuda(device) and "rng.cuda" in found.tensors:
            torch.cuda.set_rng_state(found.tensors["rng.cuda"])
    step = distribution.broadcast_number(-1 if found is None else found.step, device)
    distribution.broadcast(model.state_dict().values())
    state = optimizer.state_tensors()
    state.pop("steps_taken")
    distribution.broadcast(state.values())
    optimizer.steps_taken = distribution.broadcast_number(optimizer.steps_taken, device)
    return step, shared_json(RunNotes() if found is None else found.meta["notes"], device)


def forget(folder: Path, after: int) -> None:
    """Delete the checkpoints of later steps: they belong to an abandoned course."""
    for step in checkpoint.steps(folder):
        if step > after:
            checkpoint.remove(folder, step)


def shared_json(value: Json, device: torch.device) -> Json:
    """Rank 0's value in every process.

    Args:
        value: JSON.
        device: over which the processes talk.
    """
    if distribution.world() == 1:
        return value
    text = json.dumps(value).encode()
    size = distribution.broadcast_number(len(text), device)
    data = torch.zeros(size, dtype=torch.uint8)  # [bytes]
    if distribution.rank() == 0:
        data = torch.from_numpy(np.frombuffer(text, np.uint8).copy())
    data = data.to(device)
    distribution.broadcast([data])
    return cast(Json, json.loads(data.cpu().numpy().tobytes()))


def _read(folder: Path, fingerprint: Fingerprint, order: Order) -> checkpoint.Checkpoint | None:
    for step in order(checkpoint.steps(folder)):
        found = checkpoint.load(folder, step)
        if found is None:
            continue
        if found.meta["fingerprint"] != fingerprint:
            raise UserError(f"{folder} holds a checkpoint of a run with other settings: empty it")
        return found
    return None


def _frozen(model: nn.Module) -> dict[str, Tensor]:
    """Weights that training doesn't change: whoever resumes has them from where they came."""
    return {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
