"""Keys and values of the tokens read so far, for a batch of rows of different lengths.

Allocated once (rows x capacity). Row r holds `lengths[r]` tokens at positions 0 … lengths[r]-1: it
is filled from the left, so its rotary positions never depend on its neighbours. Rows are shared out
and dropped by index (`select`).
"""

import dataclasses

import torch
from torch import Tensor

from pipeline.model.config import ModelConfig


@dataclasses.dataclass
class KVCache:
    """keys, values: one (rows, kv_heads, capacity, head_dim) tensor a layer, in compute dtype."""

    keys: list[Tensor]
    values: list[Tensor]
    lengths: Tensor  # (rows,) int64: tokens held

    @classmethod
    def empty(
        cls,
        config: ModelConfig,
        rows: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> "KVCache":
        shape = (rows, config.kv_heads, capacity, config.head_dim)
        # Zeros, not empty: a masked value is still multiplied by 0, and 0 x NaN would spread.
        return cls(
            keys=[torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)],
            values=[torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)],
            lengths=torch.zeros(rows, dtype=torch.int64, device=device),
        )

    @property
    def rows(self) -> int:
        return self.keys[0].shape[0]

    @property
    def capacity(self) -> int:
        return self.keys[0].shape[2]

    @property
    def dtype(self) -> torch.dtype:
        return self.keys[0].dtype

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Put (rows, T, kv_heads, head_dim) after each row's tokens; `advance` makes them count.

        Padding that would fall past the capacity lands on the last place, which a later token of
        that row overwrites before anything sees it.
        """
        steps = torch.arange(key.shape[1], device=key.device)
        places = (self.lengths[:, None] + steps).clamp_max(self.capacity - 1)
        rows = torch.arange(self.rows, device=key.device)[:, None]
        self.keys[layer][rows, :, places] = key.to(self.dtype)
        self.values[layer][rows, :, places] = value.to(self.dtype)

    def advance(self, counts: Tensor | int) -> None:
        """Tokens just written that count; right padding does not."""
        self.lengths = self.lengths + counts

    def select(self, rows: Tensor) -> "KVCache":
        """The rows named, in that order; an index may come more than once."""
        return KVCache(
            keys=[key.index_select(0, rows) for key in self.keys],
            values=[value.index_select(0, rows) for value in self.values],
            lengths=self.lengths.index_select(0, rows),
        )
