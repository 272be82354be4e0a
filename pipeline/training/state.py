"""A run's whole state to a checkpoint and back: model, optimizer, random numbers, notes.

`restore` after any kill continues bit for bit. The fingerprint (configs, as JSON) guards against a
scratch folder that another run left behind.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.training import checkpoint, distribution
from pipeline.training.optimizers import Optimizer
from storage.errors import UserError


def save(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizer: Optimizer,
    fingerprint: Any,
    notes: dict[str, Any],
) -> None:
    """Write the state after `step` steps; `notes` (metrics so far, say) is JSON."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, tensor in optimizer.state_tensors().items():
        tensors[f"optimizer.{name}"] = tensor
    tensors["rng.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    checkpoint.save(folder, step, tensors, {"fingerprint": fingerprint, "notes": notes})


def restore(
    folder: Path, model: nn.Module, optimizer: Optimizer, fingerprint: Any
) -> tuple[int, dict[str, Any]]:
    """(steps done, notes) of the newest whole checkpoint, or (0, {}) where there is none.

    Under torchrun rank 0 reads and the others are sent its tensors; notes are rank 0's alone.
    """
    device = next(model.parameters()).device
    found = checkpoint.load_newest(folder) if distribution.rank() == 0 else None
    notes: dict[str, Any] = {}
    if found is not None:
        if found.meta["fingerprint"] != fingerprint:
            raise UserError(f"{folder} holds a checkpoint of a run with other settings: empty it")
        model.load_state_dict(_part(found.tensors, "model."))
        optimizer.load_state_tensors(_part(found.tensors, "optimizer."))
        torch.set_rng_state(found.tensors["rng.cpu"])
        if torch.cuda.is_available() and "rng.cuda" in found.tensors:
            torch.cuda.set_rng_state(found.tensors["rng.cuda"])
        notes = found.meta["notes"]
    step = distribution.broadcast_number(0 if found is None else found.step, device)
    distribution.broadcast(model.state_dict().values())
    state = optimizer.state_tensors()
    state.pop("steps_taken")
    distribution.broadcast(state.values())
    optimizer.steps_taken = distribution.broadcast_number(optimizer.steps_taken, device)
    return step, notes


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
