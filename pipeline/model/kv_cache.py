"""Keys and values of the tokens read so far, for a batch of rows of different lengths.

Allocated once (rows x capacity). Row r holds `lengths[r]` tokens at positions 0 … lengths[r]-1: it
is filled from the left, so its rotary positions never depend on its neighbours. Rows are copied and
dropped by index (`select`).
"""

import dataclasses

import torch
from torch import Tensor

from pipeline.model.config import ModelConfig


@dataclasses.dataclass
class KVCache:
    """The keys and values of every layer, in compute dtype, and how many tokens each row holds."""

    keys: list[Tensor]  # a layer: [rows, kv_heads, capacity, head_dim]
    values: list[Tensor]  # a layer: [rows, kv_heads, capacity, head_dim]
    lengths: Tensor  # [rows] int64: tokens held
    # Families with n-gram tables: each row's last tokens, -1 for none; and these joined with what
    # the model has just read, until `advance` says how much of it counts.
    recent: Tensor | None = None  # [rows, reach] int64
    window: Tensor | None = None  # [rows, reach + seq] int64
    fixed: bool = False  # the same shapes and addresses at every step, as a CUDA graph needs

    @classmethod
    def empty(
        cls,
        config: ModelConfig,
        rows: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> "KVCache":
        """A cache that holds no tokens yet, with room for `capacity` tokens in each row."""
        shape = (rows, config.kv_heads, capacity, config.head_dim)
        reach = len(config.ngram_rows)
        # Zeros, not empty: a masked value is still multiplied by 0, and 0 x NaN would spread.
        return cls(
            keys=[torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)],
            values=[torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)],
            lengths=torch.zeros(rows, dtype=torch.int64, device=device),
            recent=torch.full((rows, reach), -1, device=device) if reach else None,
        )

    @property
    def rows(self) -> int:
        """How many sequences it holds."""
        return self.keys[0].shape[0]

    @property
    def capacity(self) -> int:
        """How many tokens of a row there is room for."""
        return self.keys[0].shape[2]

    @property
    def dtype(self) -> torch.dtype:
        """Of keys and values."""
        return self.keys[0].dtype

    def write(
        self,
        layer: int,
        key: Tensor,  # [rows, seq, kv_heads, head_dim]
        value: Tensor,  # [rows, seq, kv_heads, head_dim]
    ) -> None:
        """Write keys and values after each row's tokens; `advance` makes them count.

        Padding that would fall past the capacity is written to the last position, which a later
        token of that row overwrites before anything sees it.
        """
        steps = torch.arange(key.shape[1], device=key.device)
        positions = (self.lengths[:, None] + steps).clamp_max(self.capacity - 1)  # [rows, seq]
        rows = torch.arange(self.rows, device=key.device)[:, None]
        self.keys[layer][rows, :, positions] = key.to(self.dtype)
        self.values[layer][rows, :, positions] = value.to(self.dtype)

    def put(self, rows: list[int], other: "KVCache", its_rows: list[int]) -> None:
        """Overwrite some of this cache's rows by another's, as far as this one has room.

        Args:
            rows: the rows of this cache to overwrite.
            other: a cache of the same model.
            its_rows: for each of `rows`, the row of `other` to copy.
        """
        index = torch.tensor([rows, its_rows], device=self.lengths.device)
        to, of = index[0], index[1]
        room = min(self.capacity, other.capacity)
        for mine, its in zip((*self.keys, *self.values), (*other.keys, *other.values)):
            mine[to, :, :room] = its[of, :, :room]
        self.lengths[to] = other.lengths[of]
        if self.recent is not None and other.recent is not None:
            self.recent[to] = other.recent[of]

    def copy(self, source: int, target: int) -> None:
        """Give a row the keys and values of another; its length stays."""
        for held in (*self.keys, *self.values):
            held[target] = held[source]

    def advance(
        self,
        counts: Tensor | int,  # [rows], or one number for all
    ) -> None:
        """Lengthen each row by the tokens just written that are no right padding."""
        if self.fixed:
            self.lengths += counts
        else:
            self.lengths = self.lengths + counts
        if self.recent is not None and self.window is not None:
            steps = torch.arange(self.recent.shape[1], device=self.lengths.device)
            counts = torch.as_tensor(counts, device=steps.device).expand(self.rows)
            self.recent = self.window.gather(1, counts[:, None] + steps)
            self.window = None

    def select(self, rows: Tensor) -> "KVCache":
        """A copy of the rows with these indices, in their order; an index may come twice."""
        return KVCache(
            keys=[key.index_select(0, rows) for key in self.keys],
            values=[value.index_select(0, rows) for value in self.values],
            lengths=self.lengths.index_select(0, rows),
            recent=None if self.recent is None else self.recent.index_select(0, rows),
        )
