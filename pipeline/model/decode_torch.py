"""Decoding by torch: for GPUs, and for models and machines that the C kernels don't know.

All prompts are read in one right-padded batch, then shared out to their samples; rows decode
together over a preallocated cache, and finished rows are dropped from it.
"""

import numpy as np
import torch
from torch import Tensor

from pipeline.model import cuda_graph, sampling
from pipeline.model import device as devices
from pipeline.model.attention import MAX_SCORES
from pipeline.model.cache import KVCache
from pipeline.model.rows import Array, Rows
from pipeline.model.transformer import Transformer, Weights

DROP_BELOW = 0.85  # share of live rows: dropping copies the cache, so not for every row
DROP_GRAPH_BELOW = 0.5  # … and with a CUDA graph means recording a new one


class TorchDecoder:
    """The prompts read; `advance` makes tokens."""

    @torch.no_grad()
    def __init__(
        self, model: Transformer, weights: Weights, prompts: list[list[int]], rows: Rows
    ) -> None:
        self.model, self.weights, self.rows = model, weights, rows
        self.held = rows.living  # numbers of the rows in the cache
        if not len(self.held):
            return
        h, cache = prefill(model, weights, prompts, int((rows.starts + rows.limits).max()))
        source = torch.from_numpy(self.held // rows.settings.samples).to(model.device)
        self.logits = weights.logits(h).index_select(0, source)
        self.cache = cache.select(source)
        self.step = cuda_graph.step(model, weights, self.cache)

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """Up to `steps` more tokens of every row that is not done."""
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

    def _choose(self, alive: Array) -> Tensor:
        """A token a row and its log-probability under the distribution it was taken from."""
        rows, s = self.rows, self.rows.settings
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
    """Read all prompts, right-padded; the hidden state at each one's end and the cache."""
    lengths = torch.tensor([len(p) for p in prompts], device=model.device)
    padded = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        padded[row, : len(prompt)] = torch.tensor(prompt)
    # Products of single queries are faster in float32 than in bf16 on a CPU.
    dtype = torch.float32 if devices.on_cpu(model.device) else model.compute_dtype
    cache = KVCache.empty(model.config, len(prompts), capacity, dtype, model.device)
    padded = padded.to(model.device)
    last = torch.empty(
        len(prompts), model.config.width, dtype=model.compute_dtype, device=model.device
    )
    # In pieces: the scores of a piece over all before it are held at once.
    longest = padded.shape[1]
    step = max(1, MAX_SCORES // (len(prompts) * model.config.heads * longest))
    for start in range(0, longest, step):
        piece = padded[:, start : start + step]
        h = model.hidden(piece, cache=cache, weights=weights)
        cache.advance((lengths - start).clamp(0, piece.shape[1]))
        ends = (lengths - 1 - start).clamp(0, piece.shape[1] - 1)
        here = (lengths > start) & (lengths <= start + piece.shape[1])
        last[here] = h[torch.arange(len(prompts), device=h.device), ends][here]
    return last, cache
