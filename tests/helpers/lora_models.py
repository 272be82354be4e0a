"""Small models of every family, and adapters whose changes are not zero."""

from typing import Any

import torch

from pipeline.model import ModelConfig, Transformer, lora

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [5, 3, 5, 8, 9, 7, 9, 3]])
SHAPE: dict[str, Any] = {
    "vocab_size": 13,
    "layers": 2,
    "width": 16,
    "heads": 2,
    "kv_heads": 1,
    "head_dim": 8,
    "ffn_width": 24,
    "max_context": 16,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "tied llama": {"family": "llama", "tie_embeddings": True},
    "gpt2": {"family": "gpt2", "kv_heads": 2, "tie_embeddings": True},
    "speedrun": {"family": "speedrun", "ngram_rows": (32,)},
}


def model_of(family: str, seed: int = 0) -> Transformer:
    model = Transformer(ModelConfig(**SHAPE | FAMILIES[family])).init_weights(seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():  # no zero projection hides what stands before it
        parameter.data.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


def moved(model: Transformer) -> Transformer:
    """With changes that are not zero."""
    generator = torch.Generator().manual_seed(7)
    for _, _, adapter in lora.adapters(model):
        for parameter in adapter.parameters():
            parameter.data.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model
