"""Small models of every family that is exported, each weight random: no zeros, no gains of one."""

from typing import Any

import tokenizers
import torch
from tokenizers import AddedToken

from pipeline.model import ModelConfig, Transformer
from pipeline.model.rope import RopeScaling
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.tokenizer import untrained

SHAPE: dict[str, Any] = {
    "vocab_size": 258,
    "layers": 2,
    "width": 64,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 16,
    "ffn_width": 96,
    "max_context": 192,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "qwen3 tied": {"tie_embeddings": True},
    "qwen3 yarn": {"rope_scaling": RopeScaling("yarn", 4.0, 48), "rope_theta": 500_000.0},
    "qwen3 yarn attention": {
        "rope_scaling": RopeScaling("yarn", 3.0, 64, attention_factor=1.3, beta_fast=16.0)
    },
    "qwen3 linear": {"rope_scaling": RopeScaling("linear", 3.0, 64)},
    "llama": {"family": "llama"},
    "llama wide heads": {"family": "llama", "head_dim": 32, "tie_embeddings": True},
    "llama llama3": {
        "family": "llama",
        "rope_theta": 500_000.0,
        "rope_scaling": RopeScaling("llama3", 8.0, 64),
    },
    "gpt2": {"family": "gpt2", "kv_heads": 4, "tie_embeddings": True, "norm_eps": 1e-5},
}


def random_model(name: str, seed: int = 0, scale: float = 0.15, **changes: Any) -> Transformer:
    """The model of that name in FAMILIES."""
    model = Transformer(ModelConfig(**(SHAPE | FAMILIES[name] | changes)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            gain = parameter.ndim == 1 and key.endswith("weight")
            parameter.copy_(1 + 0.2 * noise if gain else scale * noise)
    return model


def byte_tokenizer() -> Tokenizer:
    """Bytes, the document token and one merge: GGUF has no vocabulary without."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    names = ["<|endoftext|>", *alphabet, "th"]
    rust = untrained()
    rust.model = tokenizers.models.BPE({n: i for i, n in enumerate(names)}, [("t", "h")])
    rust.add_special_tokens([AddedToken(names[0], special=True, normalized=False)])
    return Tokenizer(rust)
