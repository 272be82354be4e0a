"""Decoding by torch: for GPUs, and for models and machines that the C kernels don't know.

All prompts are read first (a common beginning once, where it is long), then their cache rows are
copied to their samples. Rows decode together over a preallocated cache, and finished rows are
dropped from it.
"""

import numpy as np
import torch
from torch import Tensor

from pipeline.model import cuda_graph, prefixes, sampling, shared_reading
from pipeline.model.kv_cache import KVCache
from pipeline.model.rows import Array, Rows
from pipeline.model.transformer import Transformer, Weights

DROP_BELOW = 0.85  # share of active rows: dropping copies the cache, so not for every row
DROP_GRAPH_BELOW = 0.5  # … and with a CUDA graph means recording a new one


class TorchDecoder:
    """Reads the prompts when it is made; `advance` generates tokens."""

    @torch.no_grad()
    def __init__(
        self, model: Transformer, weights: Weights, prompts: list[list[int]], rows: Rows
    ) -> None:
        self.model, self.weights, self.rows = model, weights, rows
        self.held = rows.active  # indices of the rows in the cache
        if not len(self.held):
            return
        h, cache = prefill(model, weights, prompts, int((rows.starts + rows.limits).max()))
        source = torch.from_numpy(self.held // rows.settings.samples).to(model.device)
        self.logits = weights.logits(h).index_select(0, source)
        self.cache = cache.select(source)
        self.step = cuda_graph.step(model, weights, self.cache)

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """Generate up to `steps` more tokens of every row that is not done.

        Raises:
            FloatingPointError: the model's logits are not finite.
        """
        for _ in range(steps):
            alive = self.rows.done[self.held] == 0
            if not alive.any():
                return
            chosen = self._choose(alive)
            alive = self.rows.done[self.held] == 0
            if not alive.any():
                return
            if alive.mean() < (DROP_GRAPH_BELOW if self.cache.fixed else DROP_BELOW):
                kept = np.flatnonzero(alive)
                index = torch.from_numpy(kept).to(self.model.device)
                self.cache, chosen = self.cache.select(index), chosen.index_select(0, index)
                self.held = self.held[kept]
                self.step = cuda_graph.step(self.model, self.weights, self.cache)
            self.logits = self.step(chosen)

    def _choose(
        self,
        alive: Array,  # [rows] bool
    ) -> Tensor:  # [rows] int64
        """Sample a token a row; it is recorded with its log-probability when sampled."""
        rows, s = self.rows, self.rows.settings
        # [rows, vocab]
        table = sampling.log_probs(self.logits, s.temperature, s.top_k, s.top_p, s.min_p)
        if s.temperature == 0:
            chosen = sampling.greedy(table)
        else:
            draws = sampling.uniforms(rows.keys[self.held], rows.made[self.held])
            chosen = sampling.sample(table, torch.from_numpy(draws).to(table.device))
        logprobs = table.gather(-1, chosen[:, None])[:, 0]
        if not bool(logprobs.isfinite().all()):
            raise FloatingPointError("the model's logits are not finite: its training diverged")
        tokens = chosen.cpu().numpy()[alive]
        rows.record(self.held[alive], tokens, logprobs.cpu().numpy()[alive])
        return chosen


@torch.no_grad()
def prefill(
    model: Transformer, weights: Weights, prompts: list[list[int]], capacity: int
) -> tuple[Tensor, KVCache]:
    """Read all prompts.

    Returns:
        The hidden state at each prompt's end, [prompts, width], and a cache with a row for each
        prompt and room for `capacity` tokens a row.
    """
    total = sum(map(len, prompts))
    if shared_reading.is_worthwhile(total, prefixes.different_tokens(prompts)):
        return shared_reading.prompts(model, weights, prompts, capacity)
    cache = shared_reading.empty_cache(model, len(prompts), capacity)
    lengths = torch.tensor([len(p) for p in prompts], device=model.device)
    last = torch.empty(
        len(prompts), model.config.width, dtype=model.compute_dtype, device=model.device
    )
    for start, h in shared_reading.read_rows(model, weights, cache, prompts):
        count = h.shape[1]
        ends = (lengths - 1 - start).clamp(0, count - 1)
        here = (lengths > start) & (lengths <= start + count)
        last[here] = h[torch.arange(len(prompts), device=h.device), ends][here]
    return last, cache
