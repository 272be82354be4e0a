"""Rotary frequencies, plain or stretched for contexts longer than the model was trained on.

In: head size, base `theta`, a scaling rule. Out: the tables of cos and sin that queries and keys
are rotated by (RoPE, Su et al. 2021, arXiv 2104.09864). The rules are those of transformers'
modeling_rope_utils, in the same float32 steps, so that logits agree at any position: "linear"
(Chen et al. 2023, arXiv 2306.15595), "llama3" (Llama 3.1) and "yarn" (Peng et al. 2023, arXiv
2309.00071, with its attention factor on cos and sin).
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

from pipeline.model import hf_keys
from pipeline.model.hf_keys import flag, number, whole
from storage.errors import UserError

_HF_KEYS = (
    "rope_type type factor original_max_position_embeddings attention_factor beta_fast beta_slow"
    " low_freq_factor high_freq_factor truncate mscale mscale_all_dim rope_theta finetuned"
    " partial_rotary_factor"
).split()
KINDS = ("linear", "llama3", "yarn")


@dataclasses.dataclass(frozen=True)
class RopeScaling:
    """How frequencies are stretched; fields that a kind doesn't use keep their defaults."""

    kind: str  # linear, llama3 or yarn
    factor: float  # by how much the slow frequencies are slowed, at least 1
    original_context: int  # positions the model was trained on before
    low_freq_factor: float = 1.0  # llama3: waves longer than original / this are slowed fully …
    high_freq_factor: float = 4.0  # … shorter than original / this not at all
    beta_fast: float = 32.0  # yarn: frequencies of more turns than this in the original are kept …
    beta_slow: float = 1.0  # … of fewer than this are slowed fully
    attention_factor: float | None = None  # yarn: on cos and sin; None = 0.1 ln(factor) + 1
    truncate: bool = True  # yarn: the ramp's ends are whole numbers

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"RoPE scaling {self.kind!r} is unknown: use {', '.join(KINDS)}")
        if self.factor < 1 or self.original_context < 1:
            raise UserError(
                f"RoPE scaling needs factor >= 1 and an original context >= 1, it has "
                f"{self.factor} and {self.original_context}"
            )
        if self.kind == "llama3" and self.high_freq_factor <= self.low_freq_factor:
            raise UserError("RoPE scaling llama3 needs high_freq_factor > low_freq_factor")

    @property
    def magnitude(self) -> float:
        """What cos and sin are multiplied by."""
        if self.kind != "yarn":
            return 1.0
        if self.attention_factor is not None:
            return self.attention_factor
        return 0.1 * math.log(self.factor) + 1.0

    def to_hf(self) -> dict[str, Any]:
        """The `rope_scaling` of a config.json."""
        data: dict[str, Any] = {"rope_type": self.kind, "factor": self.factor}
        if self.kind != "linear":
            data["original_max_position_embeddings"] = self.original_context
        if self.kind == "llama3":
            data["low_freq_factor"] = self.low_freq_factor
            data["high_freq_factor"] = self.high_freq_factor
        if self.kind == "yarn":
            data["beta_fast"], data["beta_slow"] = self.beta_fast, self.beta_slow
            data["truncate"] = self.truncate
            if self.attention_factor is not None:
                data["attention_factor"] = self.attention_factor
        return data

    @classmethod
    def from_hf(cls, data: dict[str, Any], max_context: int) -> "RopeScaling | None":
        """Parse a `rope_scaling` or `rope_parameters`; None if nothing is scaled.

        Args:
            data: the JSON object.
            max_context: the model's, in positions.

        Raises:
            UserError: a rule or a value that is not built here.
        """
        hf_keys.check(data, _HF_KEYS, "config.json's rotation")
        partial = data.get("partial_rotary_factor")
        if partial not in (None, 1):
            raise UserError(
                f"config.json asks for partial_rotary_factor {partial!r}: only 1 is built"
            )
        kind = data.get("rope_type", data.get("type")) or "default"
        if kind == "default":
            return None
        if kind not in KINDS:
            raise UserError(
                f"config.json asks for RoPE scaling {kind!r}: known are {', '.join(KINDS)}"
            )
        original = whole(data, "original_max_position_embeddings", max_context)
        factor = number(data, "factor", max_context / original)
        optional = ("beta_fast", "beta_slow", "low_freq_factor", "high_freq_factor")
        chosen = {name: number(data, name) for name in optional if data.get(name) is not None}
        attention = None
        if data.get("attention_factor") is not None:
            attention = number(data, "attention_factor")
        elif data.get("mscale") and data.get("mscale_all_dim"):
            scales = [number(data, name) for name in ("mscale", "mscale_all_dim")]
            parts = [0.1 * scale * math.log(factor) + 1.0 for scale in scales]
            attention = parts[0] / parts[1]
        # A linear rule names no original context: it is the quotient.
        if kind == "linear":
            original = max(1, round(max_context / factor))
        truncate = flag(data, "truncate", True)
        return cls(kind, factor, original, attention_factor=attention, truncate=truncate, **chosen)


def frequencies(
    head_dim: int, theta: float, scaling: RopeScaling | None
) -> Tensor:  # [head_dim / 2] float32
    """The angle, in radians, by which each pair of features turns from a position to the next."""
    steps = theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    plain = 1.0 / steps
    if scaling is None:
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    if scaling.kind == "llama3":
        return _llama3(plain, scaling)
    slowed = 1.0 / (scaling.factor * steps)
    kept = 1 - _yarn_ramp(head_dim, theta, scaling)
    return slowed * (1 - kept) + plain * kept


def _llama3(plain: Tensor, s: RopeScaling) -> Tensor:
    waves = 2 * math.pi / plain  # positions a turn
    longest, shortest = (
        s.original_context / s.low_freq_factor,
        s.original_context / s.high_freq_factor,
    )
    stretched = torch.where(waves > longest, plain / s.factor, plain)
    share = (s.original_context / waves - s.low_freq_factor) / (
        s.high_freq_factor - s.low_freq_factor
    )
    between = (1 - share) * stretched / s.factor + share * stretched
    return torch.where((waves >= shortest) & (waves <= longest), between, stretched)


def _yarn_ramp(head_dim: int, theta: float, s: RopeScaling) -> Tensor:
    """[head_dim / 2]: 0 where a frequency is kept, 1 where it is slowed fully, linear between."""

    def index_of(turns: float) -> float:
        """The (fractional) index of the frequency that makes so many turns in the original."""
        return (
            head_dim * math.log(s.original_context / (turns * 2 * math.pi)) / (2 * math.log(theta))
        )

    low, high = index_of(s.beta_fast), index_of(s.beta_slow)
    if s.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_dim - 1)
    if low == high:
        high += 0.001
    return ((torch.arange(head_dim // 2, dtype=torch.float32) - low) / (high - low)).clamp(0, 1)


def rotary_tables(
    positions: int,
    head_dim: int,
    theta: float,
    device: torch.device,
    scaling: RopeScaling | None = None,
) -> tuple[Tensor, Tensor]:
    """cos and sin, each [positions, head_dim] float32: the halves are equal but for sin's sign."""
    turns = frequencies(head_dim, theta, scaling)
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * turns
    size = 1.0 if scaling is None else scaling.magnitude
    cos, sin = angles.cos() * size, angles.sin() * size
    return torch.cat([cos, cos], dim=-1).to(device), torch.cat([-sin, sin], dim=-1).to(device)
