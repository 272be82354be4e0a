"""What FSDP holds, asked without loading it: nobody else needs it, and its import takes half of
torch's time.
"""

import sys
from typing import Any

from torch import Tensor, nn


def is_sharded(module: nn.Module) -> bool:
    """Whether FSDP spreads it over processes; where it does, it is loaded."""
    fsdp: Any = sys.modules.get("torch.distributed.fsdp")
    return fsdp is not None and isinstance(module, fsdp.FSDPModule)


def shard_group(tensor: Any) -> Any:
    """The processes over which a spread tensor is cut, where others hold the same rows as well;
    None where it is cut over all of them."""
    mesh = tensor.device_mesh
    return mesh.get_group(1) if mesh.ndim == 2 else None


def local(tensor: Tensor) -> Tensor:
    """This process' rows of a tensor that is spread; another one as it is."""
    tensors: Any = sys.modules.get("torch.distributed.tensor")
    if tensors is None or not isinstance(tensor, tensors.DTensor):
        return tensor
    rows: Tensor = tensor.to_local()
    return rows
