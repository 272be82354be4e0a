"""The learning-rate schedule: linear warm-up, constant, linear warm-down.

Known as trapezoidal or warmup-stable-decay: arXiv 2405.18392 (to zero; here to a small share).

A pure function of the step, so resuming needs no state.
"""


def lr_scale(
    step: int,
    total: int,
    warmup_steps: int = 40,
    warmdown_fraction: float = 0.5,
    final_fraction: float = 0.05,
) -> float:
    """The factor on every learning rate at a step.

    Where a short run makes warm-up and warm-down overlap, the smaller factor counts.

    Args:
        step: from 0.
        total: steps of the run.
        warmup_steps: in which the factor rises to 1.
        warmdown_fraction: of the steps, the last ones, in which it falls.
        final_fraction: the factor of the last step.

    Raises:
        ValueError: the step lies outside the run.
    """
    if not 0 <= step < total:
        raise ValueError(f"step {step} lies outside 0..{total - 1}")
    rising = 1.0 if warmup_steps <= 0 else min(1.0, (step + 1) / warmup_steps)
    warmdown_steps = round(warmdown_fraction * total)
    if warmdown_steps <= 0:
        return rising
    left = (total - 1 - step) / warmdown_steps  # 0 at the last step
    falling = final_fraction + (1.0 - final_fraction) * min(1.0, left)
    return min(rising, falling)
