"""What settings of training may be together: the last value that works, the first that can't."""

import dataclasses
from typing import Any

import pytest

from pipeline.training.config import (
    ExtendConfig,
    LoopConfig,
    ModelShape,
    OptimizerConfig,
    ScalingConfig,
)
from storage.errors import UserError

FIVE = ScalingConfig(depths=(1, 2, 3, 4, 5), seeds=(0,))
TABLE: list[tuple[Any, dict[str, Any], dict[str, Any], str]] = [
    # of a loop: first_rows divides rows_per_step, 0 is none
    (LoopConfig(rows_per_step=12), {"first_rows": 12}, {"first_rows": 13}, "first_rows"),
    (LoopConfig(rows_per_step=12), {"first_rows": 4}, {"first_rows": 5}, "first_rows"),
    (LoopConfig(rows_per_step=12), {"first_rows": 0}, {"first_rows": 24}, "first_rows"),
    (LoopConfig(), {"final_fraction": 1.0}, {"final_fraction": 1.01}, "final_fraction"),
    # of a shape
    (ModelShape(heads=4), {"kv_heads": 2}, {"kv_heads": 3}, "4 heads"),
    (ModelShape(), {"head_dim": 34}, {"head_dim": 33}, "head_dim"),
    (OptimizerConfig(), {"newton_schulz_steps": 5}, {"newton_schulz_steps": 6}, "newton"),
    (OptimizerConfig(), {"adam_beta2": 0.999}, {"adam_beta2": 1.0}, "adam_beta2"),
    # of a stretch: 0 is what the contexts say; else it lengthens
    (ExtendConfig(), {"factor": 0.0}, {"factor": 1.0}, "factor"),
    (ExtendConfig(), {"factor": 1.01}, {"factor": 0.01}, "factor"),
    # of a ladder
    (FIVE, {"depths": (1, 2, 3, 4, 6)}, {"depths": (1, 2, 3, 4, 4)}, "different"),
    (FIVE, {"depths": (1, 2, 3, 4, 6)}, {"depths": (1, 2, 3, 4)}, "too few"),
    (
        ScalingConfig(depths=(1, 2, 3, 4), seeds=(0, 1)),
        {"seeds": (0, 1, 2)},
        {"depths": (1, 2, 3), "seeds": (0, 1, 2)},
        "too few",
    ),
    (
        ScalingConfig(),
        {"head_dim": 2, "width_per_layer": 2},
        {"head_dim": 1, "width_per_layer": 2},
        "head_dim",
    ),
    (ScalingConfig(head_dim=16), {"width_per_layer": 48}, {"width_per_layer": 40}, "multiple"),
    (ScalingConfig(), {"ahead": 1.01}, {"ahead": 1.0}, "ahead"),
    (ScalingConfig(), {"draws": 100}, {"draws": 99}, "draws"),
]


@pytest.mark.parametrize(("config", "works", "refused", "why"), TABLE)
def test_what_just_works_and_what_just_does_not(
    config: Any, works: dict[str, Any], refused: dict[str, Any], why: str
) -> None:
    dataclasses.replace(config, **works)
    with pytest.raises(UserError, match=why):
        dataclasses.replace(config, **refused)


def test_all_rates_and_nothing_else_are_scaled() -> None:
    whole = OptimizerConfig()
    half = vars(whole.scaled(0.5))
    for name, value in vars(whole).items():
        assert half[name] == (0.5 * value if name.endswith("_lr") else value), name
