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


def local(tensor: Tensor) -> Tensor:
    """This process' rows of a tensor that is spread; another one as it is."""
    tensors: Any = sys.modules.get("torch.distributed.tensor")
    if tensors is None or not isinstance(tensor, tensors.DTensor):
        return tensor
    rows: Tensor = tensor.to_local()
    return rows
