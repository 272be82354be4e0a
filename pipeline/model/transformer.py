"""The transformer: Qwen3's shape, so that its weights are Hugging Face's and its logits equal.

In: token ids. Out: float32 logits, or the hidden states that losses multiply by `head_weight()`.
Master weights are float32; products and the activations between them are in `compute_dtype`
(norms and softmax reduce in float32). Fresh weights follow the Muon recipes (nanochat,
modded-nanogpt): embedding N(0, 1), hidden matrices of variance 1/width, output projections zero,
head N(0, 0.001).
"""

import dataclasses
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model.attention import (
    MAX_SCORES,
    attend_cached,
    attend_fused,
    attend_whole,
    cached_mask,
    grouped_mask,
    packed_mask,
    rotary_tables,
)
from pipeline.model.cache import KVCache
from pipeline.model.config import ModelConfig
from pipeline.model.functions import norm_rotate, rms_norm, swiglu
from pipeline.model.weights import Layer, Weights, init_layer

Attend = Callable[[int, Tensor, Tensor], Tensor]  # layer, queries and keys, values


class Transformer(nn.Module):
    """Parameters carry Hugging Face's names, without the leading `model.`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.layers)])
        self.norm = nn.RMSNorm(config.width, config.norm_eps)
        self.lm_head = (
            None
            if config.tie_embeddings
            else nn.Linear(config.width, config.vocab_size, bias=False)
        )
        self._rotary: dict[torch.device, tuple[Tensor, Tensor]] = {}

    @property
    def blocks(self) -> list[Layer]:
        """The layers with their type."""
        return cast(list[Layer], list(self.layers))

    @property
    def device(self) -> torch.device:
        return self.embed_tokens.weight.device

    @torch.no_grad()
    def init_weights(self, seed: int) -> "Transformer":
        """Fresh weights, a function of the seed and the shape alone (drawn on the CPU)."""
        generator = torch.Generator().manual_seed(seed)
        width = self.config.width

        def normal(weight: Tensor, std: float) -> None:
            weight.copy_(torch.randn(weight.shape, generator=generator) * std)

        # A tied embedding is also the head, where rows of length sqrt(width) would shout.
        normal(self.embed_tokens.weight, width**-0.5 if self.lm_head is None else 1.0)
        if self.lm_head is not None:
            normal(self.lm_head.weight, 0.001)
        for layer in self.blocks:
            init_layer(layer, width, generator)
        self.norm.weight.fill_(1.0)
        return self

    def cast_weights(self) -> Weights:
        """The weights in compute dtype, joined, norm gains folded in; autograd flows through."""
        layers = [layer.cast(self.compute_dtype) for layer in self.blocks]
        return Weights(self.embed_tokens.weight, layers, self.head_weight())

    def head_weight(self) -> Tensor:
        """The output matrix (V, D) in compute dtype, the last norm's gain folded in.

        For losses that work in chunks: logits = hidden @ head_weight().T
        """
        weight = self.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return (weight * self.norm.weight).to(self.compute_dtype)

    def forward(
        self,
        tokens: Tensor,
        *,
        document_ids: Tensor | None = None,
        cache: KVCache | None = None,
        weights: Weights | None = None,
    ) -> Tensor:
        """(B, T) int64 to (B, T, V) float32 logits (multiplied in compute dtype)."""
        weights = weights or self.cast_weights()
        h = self.hidden(tokens, document_ids=document_ids, cache=cache, weights=weights)
        return F.linear(h, weights.head).float()

    def hidden(
        self,
        tokens: Tensor,
        *,
        document_ids: Tensor | None = None,
        cache: KVCache | None = None,
        weights: Weights | None = None,
    ) -> Tensor:
        """(B, T) to (B, T, D) in compute dtype: normed, without the gain `head_weight` holds.

        `document_ids` (B, T): a token sees earlier tokens of its own document only.
        `cache`: tokens continue each row where its cache ends; the caller then calls
        `cache.advance`. Right padding is harmless: nothing real sees it.
        `weights`: from `cast_weights`, for callers that multiply by the head themselves.
        """
        weights = weights or self.cast_weights()
        c = self.config
        if cache is None and tokens.shape[1] > c.max_context:
            raise ValueError(f"{tokens.shape[1]} tokens exceed max_context {c.max_context}")
        cos, sin = self._rotary_of(tokens.shape[1], cache)
        attend = self._attend(tokens, document_ids, cache)
        x = F.embedding(tokens, weights.embedding).to(self.compute_dtype)
        for index, w in enumerate(weights.layers):
            qkv = F.linear(rms_norm(x, c.norm_eps), w.qkv)
            qkv = qkv.unflatten(-1, (c.heads + 2 * c.kv_heads, c.head_dim))
            qk, v = qkv.split([c.heads + c.kv_heads, c.kv_heads], dim=-2)
            y = attend(index, norm_rotate(qk, w.gains, cos, sin, c.norm_eps), v)
            x = x + F.linear(y, w.output)
            x = x + F.linear(swiglu(F.linear(rms_norm(x, c.norm_eps), w.gate_up)), w.down)
        return rms_norm(x, c.norm_eps)

    def _attend(self, tokens: Tensor, document_ids: Tensor | None, cache: KVCache | None) -> Attend:
        """The attention this batch needs, its mask made once for all layers."""
        c, (rows, count) = self.config, tokens.shape
        if cache is not None:
            visible = cached_mask(cache, count, c.heads // c.kv_heads)
            return lambda layer, qk, v: attend_cached(qk, v, visible, cache, layer)
        scores = rows * c.heads * count**2
        if tokens.device.type == "cpu" and scores <= MAX_SCORES:
            plain = packed_mask(tokens, document_ids, self.compute_dtype)
            grouped = grouped_mask(plain, rows, c.heads, c.kv_heads)
            return lambda _, qk, v: attend_whole(qk, v, grouped)
        mask = None
        if document_ids is not None:
            mask = packed_mask(tokens, document_ids, self.compute_dtype)
        return lambda _, qk, v: attend_fused(qk, v, mask)

    @torch.no_grad()
    def grow_vocabulary(self, new_size: int) -> None:
        """Rows for new tokens, the mean of the old ones; the old tokens' logits don't change."""
        old = self.config.vocab_size
        if new_size < old:
            raise ValueError(f"vocabulary of {old} can't shrink to {new_size}")
        modules: list[nn.Embedding | nn.Linear] = [self.embed_tokens]
        if self.lm_head is not None:
            modules.append(self.lm_head)
        for module in modules:
            mean = module.weight.mean(dim=0, keepdim=True)
            rows = torch.cat([module.weight, mean.expand(new_size - old, -1)])
            module.weight = nn.Parameter(rows, requires_grad=module.weight.requires_grad)
        self.embed_tokens.num_embeddings = new_size
        if self.lm_head is not None:
            self.lm_head.out_features = new_size
        self.config = dataclasses.replace(self.config, vocab_size=new_size)

    def _rotary_of(self, count: int, cache: KVCache | None) -> tuple[Tensor, Tensor]:
        """cos and sin of the positions asked for, (T or B, T, heads + kv_heads, d).

        Written out for every head: a product of equal shapes runs over memory in one stretch.
        """
        c = self.config
        if self.device not in self._rotary:
            self._rotary[self.device] = rotary_tables(
                c.max_context, c.head_dim, c.rope_theta, self.device
            )
        cos, sin = self._rotary[self.device]
        positions = torch.arange(count, device=self.device)
        if cache is not None:
            # Padding may point past the end; what it computes is never seen.
            positions = (cache.lengths[:, None] + positions).clamp_max(c.max_context - 1)
        shape = (*positions.shape, c.heads + c.kv_heads, c.head_dim)
        cos, sin = cos[positions].unsqueeze(-2), sin[positions].unsqueeze(-2)
        return cos.expand(shape).contiguous(), sin.expand(shape).contiguous()
