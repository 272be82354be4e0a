from typing import Any

import pytest
import torch

from pipeline.model import ModelConfig, Transformer
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train


def random_model(seed: int = 0, scale: float = 0.15, **changes: Any) -> Transformer:
    """A small model whose every weight is random: no zero projections, no gains of one."""
    shape: dict[str, Any] = {
        "vocab_size": 64,
        "layers": 2,
        "width": 32,
        "heads": 4,
        "kv_heads": 2,
        "head_dim": 8,
        "ffn_width": 48,
        "max_context": 64,
    }
    model = Transformer(ModelConfig(**(shape | changes)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else scale * noise)
    return model


@pytest.fixture(scope="session")
def make_model():
    return random_model


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    texts = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"] * 5
    return train(iter(texts), TokenizerConfig(vocab_size=270))
