"""Questions about what FSDP holds, without importing it: that takes half of torch's time, and only
sharded runs need it.
"""

import sys
from typing import Any

import torch.distributed as dist
from torch import Tensor, nn


def is_sharded(module: nn.Module) -> bool:
    """Whether FSDP spreads a module over processes; where it does, FSDP is imported."""
    fsdp: Any = sys.modules.get("torch.distributed.fsdp")
    return fsdp is not None and isinstance(module, fsdp.FSDPModule)


def shard_group(tensor: Any) -> "dist.ProcessGroup | None":
    """The process group over which a sharded tensor (a DTensor) is cut.

    Returns:
        None where it is cut over all processes, so that no others hold the same rows.
    """
    mesh = tensor.device_mesh
    group: dist.ProcessGroup | None = mesh.get_group(1) if mesh.ndim == 2 else None
    return group


def local(tensor: Tensor) -> Tensor:
    """This process' rows of a sharded tensor; any other tensor as it is."""
    tensors: Any = sys.modules.get("torch.distributed.tensor")
    if tensors is None or not isinstance(tensor, tensors.DTensor):
        return tensor
    rows: Tensor = tensor.to_local()
    return rows
