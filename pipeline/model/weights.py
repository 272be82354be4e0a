"""A layer's parameters under Hugging Face's names, and what a forward pass multiplies with.

Parameters are float32 masters, one matrix each, so that optimizers and exports see Qwen3's tensors.
`cast` makes the working form once a forward pass: in compute dtype, with q, k, v joined to one
matrix and gate, up to another, the gain of the norm before a matrix folded into it (and GPT-2's
norm biases into the product's); a LoRA's change is added before that. Gradients flow through it to
the parameters.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model.config import ModelConfig
from pipeline.model.lora import weight_of
from pipeline.model.speedrun import NgramWeights

Norm = nn.RMSNorm | nn.LayerNorm


@dataclasses.dataclass(frozen=True)
class LayerWeights:
    """One layer, ready for products. Without a q/k norm the softmax scale is in qkv's q rows."""

    qkv: Tensor  # [(heads + 2 * kv_heads) * head_dim, width], the input norm's gain folded in
    # [heads + kv_heads, head_dim] float32: of the q/k norm, the softmax scale folded in
    gains: Tensor | None
    output: Tensor  # [width, heads * head_dim]
    gate_up: Tensor  # [2 * ffn (gated) or ffn, width], the norm's gain folded in
    down: Tensor  # [width, ffn]
    qkv_bias: Tensor | None = None  # [(heads + 2 * kv_heads) * head_dim]
    output_bias: Tensor | None = None  # [width]
    gate_up_bias: Tensor | None = None  # [ffn]
    down_bias: Tensor | None = None  # [width]


@dataclasses.dataclass(frozen=True)
class Weights:
    """The whole model, ready for products: made once a forward pass, or once a generation."""

    embedding: Tensor  # [vocab, width] float32: rows are cast after the lookup
    layers: list[LayerWeights]
    head: Tensor  # [vocab, width], the last norm's gain folded in
    head_bias: Tensor | None = None  # [vocab]: the last norm's bias through the head
    positions: Tensor | None = None  # [max_context, width] float32: learned positions
    ngrams: NgramWeights | None = None  # speedrun: embeddings of the last tokens

    def layer(self, index: int, x: Tensor) -> tuple[Tensor, LayerWeights]:
        """A layer's input x, unchanged, and its weights."""
        return x, self.layers[index]

    def logits(
        self,
        hidden: Tensor,  # [..., width]
    ) -> Tensor:  # [..., vocab]
        """The logits of hidden states from `Transformer.hidden`, in compute dtype."""
        return F.linear(hidden, self.head, self.head_bias)


@dataclasses.dataclass(frozen=True)
class LazyWeights(Weights):
    """For training: a layer is cast when the forward pass comes to it.

    In the backward pass its gradients then go through the cast right after the layer itself, so
    that communication between processes starts while the backward pass still runs; and where the
    parameters are sharded, only one layer at a time is gathered.
    """

    blocks: tuple["Layer", ...] = ()
    dtype: torch.dtype = torch.float32

    def layer(self, index: int, x: Tensor) -> tuple[Tensor, LayerWeights]:
        return self.blocks[index].enter(x, self.dtype)


def make_table(rows: int, width: int) -> nn.Embedding:
    """A table of vectors, as torch draws them at first.

    On the meta device there is nothing to draw, and torch would load its compiler for it, which
    takes seconds.
    """
    if torch.get_default_device().type == "meta":
        return nn.Embedding(rows, width, _weight=torch.empty(rows, width))
    return nn.Embedding(rows, width)


def make_norm(c: ModelConfig) -> Norm:
    """The family's norm over the residual stream."""
    kind = nn.LayerNorm if c.parts.norm == "layer" else nn.RMSNorm
    return kind(c.width, c.norm_eps)


class Attention(nn.Module):
    """The parameters of a layer's attention."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        biases = c.parts.biases
        self.heads, self.kv_heads, self.head_dim = c.heads, c.kv_heads, c.head_dim
        self.q_proj = nn.Linear(c.width, c.heads * c.head_dim, bias=biases)
        self.k_proj = nn.Linear(c.width, c.kv_heads * c.head_dim, bias=biases)
        self.v_proj = nn.Linear(c.width, c.kv_heads * c.head_dim, bias=biases)
        self.o_proj = nn.Linear(c.heads * c.head_dim, c.width, bias=biases)
        self.q_norm = nn.RMSNorm(c.head_dim, c.norm_eps) if c.parts.qk_norm else None
        self.k_norm = nn.RMSNorm(c.head_dim, c.norm_eps) if c.parts.qk_norm else None

    def gains(self) -> Tensor | None:  # [heads + kv_heads, head_dim]
        """The gains of the q/k norm with the softmax scale in the queries'; None without one."""
        if self.q_norm is None or self.k_norm is None:
            return None
        query = self.q_norm.weight * self.head_dim**-0.5
        return torch.cat(
            [query.expand(self.heads, -1), self.k_norm.weight.expand(self.kv_heads, -1)]
        )

    def joined(self) -> tuple[Tensor, Tensor | None]:
        """q, k, v as one matrix [(heads + 2 * kv_heads) * head_dim, width] and one bias."""
        parts = (self.q_proj, self.k_proj, self.v_proj)
        scale = 1.0 if self.q_norm is not None else self.head_dim**-0.5
        query, key, value = (weight_of(part) for part in parts)
        weight = torch.cat([query if scale == 1.0 else query * scale, key, value])
        if self.q_proj.bias is None:
            return weight, None
        return weight, torch.cat([self.q_proj.bias * scale, self.k_proj.bias, self.v_proj.bias])


class FeedForward(nn.Module):
    """The parameters of a layer's feed-forward network."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        biases, gated = c.parts.biases, c.parts.activation == "swiglu"
        self.gate_proj = nn.Linear(c.width, c.ffn_width, bias=biases) if gated else None
        self.up_proj = nn.Linear(c.width, c.ffn_width, bias=biases)
        self.down_proj = nn.Linear(c.ffn_width, c.width, bias=biases)

    def joined(self) -> tuple[Tensor, Tensor | None]:
        """gate and up as one matrix [2 * ffn, width] and one bias; up alone where not gated."""
        if self.gate_proj is None:
            return weight_of(self.up_proj), self.up_proj.bias
        weight = torch.cat([weight_of(self.gate_proj), weight_of(self.up_proj)])
        if self.gate_proj.bias is None:
            return weight, None
        return weight, torch.cat([self.gate_proj.bias, self.up_proj.bias])


class Layer(nn.Module):
    """The parameters of one layer."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = make_norm(c)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = make_norm(c)
        self.mlp = FeedForward(c)

    def enter(self, x: Tensor | None, dtype: torch.dtype) -> tuple[Any, LayerWeights]:
        """x unchanged, and the weights that will multiply it: FSDP gathers and frees them here."""
        return x, self.cast(dtype)

    def run(
        self, x: Tensor, dtype: torch.dtype, step: Callable[[Tensor, LayerWeights], Tensor]
    ) -> Tensor:
        """The layer's step with activation checkpointing.

        Only x is kept for the backward pass, where everything else, the cast weights too, is
        computed again. FSDP gathers the weights around it, once each way.

        Args:
            x: [batch, seq, width].
            dtype: that the weights are cast to.
            step: computes the layer from x and the weights.
        """
        from torch.utils.checkpoint import checkpoint

        def whole(x: Tensor) -> Tensor:
            return step(x, self.cast(dtype))

        # Nothing in a layer draws random numbers.
        y: Tensor = checkpoint(whole, x, use_reentrant=False, preserve_rng_state=False)
        return y

    def cast(self, dtype: torch.dtype) -> LayerWeights:
        """The layer's weights in `dtype`, joined, with the norms folded in."""
        a, m = self.self_attn, self.mlp
        qkv, qkv_bias = fold(self.input_layernorm, *a.joined(), dtype)
        gate_up, gate_up_bias = fold(self.post_attention_layernorm, *m.joined(), dtype)
        return LayerWeights(
            qkv=qkv,
            gains=a.gains(),
            output=weight_of(a.o_proj).to(dtype),
            gate_up=gate_up,
            down=weight_of(m.down_proj).to(dtype),
            qkv_bias=qkv_bias,
            output_bias=None if a.o_proj.bias is None else a.o_proj.bias.to(dtype),
            gate_up_bias=gate_up_bias,
            down_bias=None if m.down_proj.bias is None else m.down_proj.bias.to(dtype),
        )


def fold(
    norm: Norm, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None]:
    """A norm's gain g and bias b folded into the linear layer (W, c) that follows it.

    W (g x + b) + c = (W g) x + (W b + c).

    Args:
        norm: its gain [in], and for a LayerNorm its bias [in].
        weight: W, [out, in].
        bias: c, [out], or None.
        dtype: of the results.

    Returns:
        The new weight [out, in] and bias [out].
    """
    if isinstance(norm, nn.LayerNorm):
        shift = weight @ norm.bias
        bias = shift if bias is None else shift + bias
    return (weight * norm.weight).to(dtype), None if bias is None else bias.to(dtype)


@torch.no_grad()
def init_layer(layer: Layer, width: int, generator: torch.Generator) -> None:
    """Uniform of variance 1/width; zero output projections: a fresh layer adds nothing."""
    bound = (3.0 / width) ** 0.5
    a, m = layer.self_attn, layer.mlp
    for linear in (a.q_proj, a.k_proj, a.v_proj, m.gate_proj, m.up_proj):
        if linear is not None:
            draw = torch.rand(linear.weight.shape, generator=generator)
            linear.weight.copy_((draw * 2 - 1) * bound)
    for linear in (a.o_proj, m.down_proj):
        linear.weight.zero_()
    for norm in (layer.input_layernorm, layer.post_attention_layernorm, a.q_norm, a.k_norm):
        if norm is not None:
            norm.weight.fill_(1.0)
    for name, parameter in layer.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
