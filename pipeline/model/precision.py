"""Explicit precision: master weights are float32, matrix products run in a named type.

The type is chosen by what the hardware can do, not by timing, before an artifact's digest is made:
the choice is part of the recipe, so a noisy measurement never changes a result.
"""

import torch

from pipeline.model import device as devices
from pipeline.model import instructions
from storage.errors import UserError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def resolve(name: str, device: torch.device | str = "cpu") -> str:
    """The name of a type; `auto` becomes bfloat16 on hardware that multiplies it, else float32.

    Raises:
        UserError: the name is unknown.
    """
    if name in DTYPES:
        return name
    if name != "auto":
        raise UserError(f"unknown precision {name!r}: use auto, float32 or bfloat16")
    return "bfloat16" if multiplies_bfloat16(torch.device(device)) else "float32"


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it has bf16 products: AVX512-BF16 or AMX on a CPU, compute capability 8 on a GPU."""
    if devices.on_cuda(device):
        return torch.cuda.get_device_capability(device)[0] >= 8
    if devices.on_cpu(device):
        return not instructions.flags().isdisjoint({"avx512_bf16", "amx_bf16"})
    return False


def dtype(name: str) -> torch.dtype:
    """The torch type of a resolved name."""
    if name not in DTYPES:
        raise UserError(f"unknown precision {name!r}: use float32 or bfloat16")
    return DTYPES[name]
