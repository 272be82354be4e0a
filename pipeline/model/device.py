"""Which device tensors live on, and the two questions that choose between code paths.

Every difference between GPU and CPU is decided by `on_cuda` and `on_cpu` and by nothing else: the
tests force their answers and so run the GPU's code paths on a CPU
(tests/pipeline/test_gpu_ways.py).
"""

import torch

from storage.errors import UserError


def pick(name: str = "auto") -> torch.device:
    """The device of that name; `auto` is the GPU where there is one, else the CPU.

    Raises:
        UserError: the name is unknown, or it asks for a GPU and torch sees none.
    """
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
    """Whether it is an NVIDIA GPU (or an AMD one, with ROCm's torch)."""
    return device.type == "cuda"


def on_cpu(device: torch.device) -> bool:
    """Whether it is the CPU, whose memory the C kernels can read."""
    return device.type == "cpu"
