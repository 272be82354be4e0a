"""The transformer of all families (see `config.Family`): Hugging Face's weights, equal logits.

In: token ids. Out: float32 logits, or the hidden states that `Weights.logits` and losses multiply
by the head.
Master weights are float32; products and the activations between them are in `compute_dtype`
(norms and softmax reduce in float32). Fresh weights follow the Muon recipes (nanochat,
modded-nanogpt): embedding N(0, 1), hidden matrices of variance 1/width, output projections zero,
head N(0, 0.001).

Shapes are comments after arguments and results, as `# [batch, seq, width]`; in code `rows` is the
size of the batch and `count` that of the sequence.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model import device as devices
from pipeline.model import flash, fused
from pipeline.model.attention import (
    MAX_SCORES,
    attend_cached,
    attend_fused,
    attend_spans,
    attend_whole,
    cached_mask,
    document_spans,
    first_keys,
    grouped_mask,
    packed_mask,
)
from pipeline.model.config import ModelConfig
from pipeline.model.functions import activate, norm, norm_rotate, rotate
from pipeline.model.kv_cache import KVCache
from pipeline.model.lora import weight_of
from pipeline.model.rope import RopeScaling, rotary_tables
from pipeline.model.speedrun import Ngrams
from pipeline.model.weights import (
    Layer,
    LayerWeights,
    LazyWeights,
    Weights,
    fold,
    init_layer,
    make_norm,
    make_table,
)

# Layer, queries and keys [batch, seq, heads + kv_heads, head_dim], values [batch, seq, kv_heads,
# head_dim] to [batch, seq, heads * head_dim].
Attend = Callable[[int, Tensor, Tensor], Tensor]
# Queries and keys [batch, seq, heads + kv_heads, head_dim] and their gains to the same with their
# positions encoded.
PositionEncoder = Callable[[Tensor, Tensor | None], Tensor]
Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]
Step = Callable[..., Tensor]  # as Transformer.layer_step


class Transformer(nn.Module):
    """A model of any family; its parameters have Qwen3's names without the prefix `model.`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        self.embed_tokens = make_table(config.vocab_size, config.width)
        self.embed_positions = (
            make_table(config.max_context, config.width)
            if config.parts.positions == "learned"
            else None
        )
        self.ngrams = Ngrams(config) if config.ngram_rows else None
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.layers)])
        self.norm = make_norm(config)
        self.lm_head = (
            None
            if config.tie_embeddings
            else nn.Linear(config.width, config.vocab_size, bias=False)
        )
        self._rotary: dict[torch.device, tuple[Tensor, Tensor]] = {}
        # What pipeline.training.compiling may replace: products, and a layer while training.
        self.linear: Linear = F.linear
        self.borders = flash.borders
        self.train_step: Step | None = None
        # Whether a layer's activations are made again in the backward instead of being kept.
        self.recompute = False

    @property
    def blocks(self) -> list[Layer]:
        """The layers with their type."""
        return cast(list[Layer], list(self.layers))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed_tokens.weight.device

    @property
    def parameter_count(self) -> int:
        """All weights, embeddings and norms among them; one that is tied to another counts once."""
        return sum(weight.numel() for weight in self.parameters())

    @torch.no_grad()
    def init_weights(self, seed: int) -> "Transformer":
        """Fresh weights, a function of the seed and the shape alone (drawn on the CPU)."""
        generator = torch.Generator().manual_seed(seed)
        width = self.config.width

        def normal(weight: Tensor, std: float) -> None:
            weight.copy_(torch.randn(weight.shape, generator=generator) * std)

        # A tied embedding is also the head: rows of length sqrt(width) would give huge logits.
        embedding_std = width**-0.5 if self.lm_head is None else 1.0
        normal(self.embed_tokens.weight, embedding_std)
        if self.embed_positions is not None:
            normal(self.embed_positions.weight, embedding_std)
        if self.lm_head is not None:
            normal(self.lm_head.weight, 0.001)
        for layer in self.blocks:
            init_layer(layer, width, generator)
        if self.ngrams is not None:
            self.ngrams.init_weights(generator)
        self.norm.weight.fill_(1.0)
        if isinstance(self.norm, nn.LayerNorm):
            self.norm.bias.zero_()
        return self

    def cast_weights(self) -> Weights:
        """The weights in compute dtype, joined, norms folded in; autograd flows through."""
        layers = [layer.enter(None, self.compute_dtype)[1] for layer in self.blocks]
        return Weights(layers=layers, **self._cast_ends())

    def read(
        self,
        tokens: Tensor,  # [batch, seq]
        document_ids: Tensor | None = None,  # [batch, seq]
    ) -> tuple[Tensor, Tensor, Tensor | None]:  # [batch, seq, width]; [vocab, width]; [vocab]
        """Hidden states, the head and its bias: what a loss is computed from.

        Every training step goes through here, so that FSDP and torch.compile can wrap it.
        """
        weights = self.lazy_weights()
        hidden = self.hidden(tokens, document_ids=document_ids, weights=weights)
        return hidden, weights.head, weights.head_bias

    def lazy_weights(self) -> LazyWeights:
        """The weights as `cast_weights` gives them, each layer's only when it is its turn."""
        return LazyWeights(
            layers=[], **self._cast_ends(), blocks=tuple(self.blocks), dtype=self.compute_dtype
        )

    def _cast_ends(self) -> dict[str, Any]:
        """The weights before and after the layers, as `Weights` takes them."""
        embedding = weight_of(self.embed_tokens)
        head = embedding if self.lm_head is None else weight_of(self.lm_head)
        weight, bias = fold(self.norm, head, None, self.compute_dtype)
        return {
            "embedding": embedding,
            "head": weight,
            "head_bias": bias,
            "ngrams": None if self.ngrams is None else self.ngrams.cast(self.compute_dtype),
            "positions": None if self.embed_positions is None else self.embed_positions.weight,
        }

    def forward(
        self,
        tokens: Tensor,  # [batch, seq] int64
        *,
        document_ids: Tensor | None = None,  # [batch, seq]
        cache: KVCache | None = None,
        weights: Weights | None = None,
    ) -> Tensor:  # [batch, seq, vocab] float32
        """Logits, multiplied in compute dtype; arguments as for `hidden`."""
        weights = weights or self.cast_weights()
        h = self.hidden(tokens, document_ids=document_ids, cache=cache, weights=weights)
        return weights.logits(h).float()

    def hidden(
        self,
        tokens: Tensor,  # [batch, seq] int64
        *,
        document_ids: Tensor | None = None,  # [batch, seq]
        cache: KVCache | None = None,
        weights: Weights | None = None,
        step: Step | None = None,
    ) -> Tensor:  # [batch, seq, width] in compute dtype
        """Hidden states, normalised; the last norm's gain is in the head.

        Args:
            tokens: ids. Right padding is harmless: no other token sees it.
            document_ids: a token sees earlier tokens of its own document only.
            cache: tokens continue each row where its cache ends; the caller then calls
                `cache.advance`.
            weights: from `cast_weights`, for callers that multiply by the head themselves.
            step: called in place of `layer_step`, for callers that look on (`forward_state`).

        Raises:
            ValueError: there are more tokens than the model's context.
        """
        weights = weights or self.cast_weights()
        c = self.config
        step = step or (self.train_step if self.training else None) or self.layer_step
        if cache is None and tokens.shape[1] > c.max_context:
            raise ValueError(f"{tokens.shape[1]} tokens exceed max_context {c.max_context}")
        x = F.embedding(tokens, weights.embedding)  # [batch, seq, width]
        if weights.positions is not None:
            x = x + F.embedding(self._positions(tokens.shape[1], cache), weights.positions)
        x = x.to(self.compute_dtype)
        if weights.ngrams is not None:
            x = x + weights.ngrams.embed(tokens, document_ids, cache)
        encode = self._position_encoder(tokens.shape[1], cache)
        attend = self._attend(tokens, document_ids, cache)
        recompute = self.recompute and torch.is_grad_enabled()
        for index in range(c.layers):
            if recompute and isinstance(weights, LazyWeights):
                bound = functools.partial(step, index=index, encode=encode, attend=attend)
                x = weights.blocks[index].run(x, self.compute_dtype, bound)
            else:
                x, w = weights.layer(index, x)
                x = step(x, w, index, encode, attend)
        return norm(x, c.parts.norm, c.norm_eps)

    def layer_step(
        self,
        x: Tensor,  # [batch, seq, width]
        w: LayerWeights,
        index: int,
        encode: PositionEncoder,
        attend: Attend,
    ) -> Tensor:  # [batch, seq, width]
        """One layer: attention, then the feed-forward network, each added to the stream."""
        c, kind, linear = self.config, self.config.parts, self.linear
        qkv = linear(norm(x, kind.norm, c.norm_eps), w.qkv, w.qkv_bias)
        # [batch, seq, heads + 2 * kv_heads, head_dim]
        qkv = qkv.unflatten(-1, (c.heads + 2 * c.kv_heads, c.head_dim))
        qk, v = qkv.split([c.heads + c.kv_heads, c.kv_heads], dim=-2)
        y = attend(index, encode(qk, w.gains), v)  # [batch, seq, heads * head_dim]
        x = x + linear(y, w.output, w.output_bias)
        # [batch, seq, 2 * ffn] where gated, else [batch, seq, ffn]
        up = linear(norm(x, kind.norm, c.norm_eps), w.gate_up, w.gate_up_bias)
        return x + linear(activate(up, kind.activation), w.down, w.down_bias)

    def _positions(self, count: int, cache: KVCache | None) -> Tensor:
        """[seq] or, after a cache, [batch, seq]; clamped, for padding may point past the end."""
        positions = torch.arange(count, device=self.device)
        if cache is not None:
            positions = cache.lengths[:, None] + positions
        return positions.clamp_max(self.config.max_context - 1)

    def _position_encoder(self, count: int, cache: KVCache | None) -> PositionEncoder:
        """What gives queries and keys their positions: norm and rotation, rotation, or nothing."""
        c = self.config
        if c.parts.positions == "learned":
            return lambda qk, _: qk
        cos, sin = self._rotary_of(count, cache)
        if c.parts.qk_norm:
            return lambda qk, gains: norm_rotate(qk, cast(Tensor, gains), cos, sin, c.norm_eps)
        return lambda qk, _: rotate(qk, cos, sin)

    def _attend(self, tokens: Tensor, document_ids: Tensor | None, cache: KVCache | None) -> Attend:
        """The attention this batch needs, its mask made once for all layers."""
        c, (rows, count) = self.config, tokens.shape
        if cache is not None:
            visible = cached_mask(cache, count, c.heads // c.kv_heads)
            return lambda layer, qk, v: attend_cached(qk, v, visible, cache, layer)
        compiled = self.training and self.train_step is not None  # which sees no C
        if not compiled and fused.is_attention_supported(
            self.compute_dtype, tokens.device, c.head_dim
        ):
            first = first_keys(tokens, document_ids)
            return lambda _, qk, v: fused.attend(qk, v, first)
        scores = rows * c.heads * count**2
        if devices.on_cpu(tokens.device) and scores <= MAX_SCORES:
            if self.compute_dtype == torch.bfloat16 and fused.ready(torch.bfloat16, tokens.device):
                first = first_keys(tokens, document_ids)
                return lambda _, qk, v: attend_whole(qk, v, first)
            plain = packed_mask(tokens, document_ids, self.compute_dtype)
            grouped = grouped_mask(plain, rows, c.heads, c.kv_heads)
            return lambda _, qk, v: attend_whole(qk, v, grouped)
        if devices.on_cpu(tokens.device) and document_ids is not None:
            spans = document_spans(document_ids)
            return lambda _, qk, v: attend_spans(qk, v, spans)
        if document_ids is not None and flash.is_supported(
            self.compute_dtype, tokens.device, c.head_dim
        ):
            documents = self.borders(document_ids)
            return lambda _, qk, v: flash.attend_documents(qk, v, documents)
        mask = None
        if document_ids is not None:
            mask = packed_mask(tokens, document_ids, self.compute_dtype)
        return lambda _, qk, v: attend_fused(qk, v, mask)

    def stretch(
        self, max_context: int, rope_theta: float, rope_scaling: RopeScaling | None
    ) -> None:
        """Change the context's length, in positions, and the rotation; weights are kept."""
        self.config = dataclasses.replace(
            self.config, max_context=max_context, rope_theta=rope_theta, rope_scaling=rope_scaling
        )
        self._rotary = {}

    @torch.no_grad()
    def grow_vocabulary(self, new_size: int) -> None:
        """Add rows for new tokens, the mean of the old rows; old tokens' logits don't change.

        Raises:
            ValueError: the new size is less than the old one.
        """
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
        """cos and sin of these positions: [seq or batch, seq, heads + kv_heads or 1, head_dim].

        On a CPU they are written out for every head: a product of equal shapes is one pass over
        contiguous memory.
        """
        c = self.config
        # As long as this call can need, not max_context: Llama's is 131,072.
        needed = min(c.max_context, count if cache is None else cache.capacity)
        tables = self._rotary.get(self.device)
        if tables is None or len(tables[0]) < needed:
            tables = rotary_tables(needed, c.head_dim, c.rope_theta, self.device, c.rope_scaling)
            # Threads may be here side by side: what another one keeps may be too short for this.
            self._rotary[self.device] = tables
        cos, sin = tables
        positions = self._positions(count, cache).clamp_max(len(cos) - 1)
        shape = (*positions.shape, c.heads + c.kv_heads, c.head_dim)
        cos, sin = cos[positions].unsqueeze(-2), sin[positions].unsqueeze(-2)
        if devices.on_cuda(cos.device):  # there one table for all heads is read from the cache
            return cos, sin
        return cos.expand(shape).contiguous(), sin.expand(shape).contiguous()
