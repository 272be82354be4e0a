"""A layer's parameters under Hugging Face's names, and what a forward pass multiplies with.

Parameters are float32 masters, one matrix each, so that optimizers and exports see Qwen3's tensors.
`cast` makes the working form once a forward: compute dtype, q, k, v and gate, up joined to one
product each, and the gain of the norm before a matrix folded into it. Autograd flows through.
"""

import dataclasses

import torch
from torch import Tensor, nn

from pipeline.model.config import ModelConfig


@dataclasses.dataclass(frozen=True)
class LayerWeights:
    """One layer, ready for products."""

    qkv: Tensor  # (heads + 2 kv_heads) * head_dim rows, the input norm's gain folded in
    gains: Tensor  # float32, (heads + kv_heads, head_dim): q and k norm, softmax scale folded in
    output: Tensor
    gate_up: Tensor  # 2 * ffn_width rows, the norm's gain folded in
    down: Tensor


@dataclasses.dataclass(frozen=True)
class Weights:
    """The whole model, ready for products: made once a forward, or once a generation."""

    embedding: Tensor  # float32: rows are cast after the lookup
    layers: list[LayerWeights]
    head: Tensor  # the last norm's gain folded in


class Attention(nn.Module):
    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = c.heads, c.kv_heads, c.head_dim
        self.q_proj = nn.Linear(c.width, c.heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.width, c.kv_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.width, c.kv_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.heads * c.head_dim, c.width, bias=False)
        self.q_norm = nn.RMSNorm(c.head_dim, c.norm_eps)
        self.k_norm = nn.RMSNorm(c.head_dim, c.norm_eps)

    def gains(self) -> Tensor:
        query = self.q_norm.weight * self.head_dim**-0.5
        return torch.cat(
            [query.expand(self.heads, -1), self.k_norm.weight.expand(self.kv_heads, -1)]
        )


class FeedForward(nn.Module):
    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.width, c.ffn_width, bias=False)
        self.up_proj = nn.Linear(c.width, c.ffn_width, bias=False)
        self.down_proj = nn.Linear(c.ffn_width, c.width, bias=False)


class Layer(nn.Module):
    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(c.width, c.norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = nn.RMSNorm(c.width, c.norm_eps)
        self.mlp = FeedForward(c)

    def cast(self, dtype: torch.dtype) -> LayerWeights:
        a, m = self.self_attn, self.mlp
        qkv = torch.cat([a.q_proj.weight, a.k_proj.weight, a.v_proj.weight])
        gate_up = torch.cat([m.gate_proj.weight, m.up_proj.weight])
        return LayerWeights(
            qkv=(qkv * self.input_layernorm.weight).to(dtype),
            gains=a.gains(),
            output=a.o_proj.weight.to(dtype),
            gate_up=(gate_up * self.post_attention_layernorm.weight).to(dtype),
            down=m.down_proj.weight.to(dtype),
        )


@torch.no_grad()
def init_layer(layer: Layer, width: int, generator: torch.Generator) -> None:
    """Uniform of variance 1/width; zero output projections: a fresh layer adds nothing."""
    bound = (3.0 / width) ** 0.5
    a, m = layer.self_attn, layer.mlp
    for linear in (a.q_proj, a.k_proj, a.v_proj, m.gate_proj, m.up_proj):
        draw = torch.rand(linear.weight.shape, generator=generator)
        linear.weight.copy_((draw * 2 - 1) * bound)
    for linear in (a.o_proj, m.down_proj):
        linear.weight.zero_()
    for norm in (layer.input_layernorm, layer.post_attention_layernorm, a.q_norm, a.k_norm):
        norm.weight.fill_(1.0)
