"""What a backward pass left at a tensor."""

from torch import Tensor


def gradient_of(leaf: Tensor) -> Tensor:
    """Its gradient, which must be there."""
    assert leaf.grad is not None
    return leaf.grad
