"""Which device tensors live on, and the two questions by which code takes one way or another.

Whatever a GPU does otherwise than a CPU is decided by `on_cuda` and `on_cpu` and by nothing else:
the tests force their answers and so run the GPU's ways on a CPU (tests/pipeline/test_gpu_ways.py).
"""

import torch

from storage.errors import UserError


def pick(name: str = "auto") -> torch.device:
    """`auto` is the GPU where there is one, else the CPU; anything else is taken at its word."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"unknown device {name!r}: use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {name!r} asked for, but torch sees no GPU: use auto or cpu")
    return device


def on_cuda(device: torch.device) -> bool:
    """Whether it is an NVIDIA (or, by ROCm's torch, an AMD) GPU."""
    return device.type == "cuda"


def on_cpu(device: torch.device) -> bool:
    """Whether the C kernels can reach it."""
    return device.type == "cpu"
