"""Which device tensors live on."""

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
