"""A recipe's shape as the config of a model, by which weights and operations are counted."""

from pipeline.model import ModelConfig
from pipeline.training.config import ModelShape


def model_config(shape: ModelShape, vocab_size: int) -> ModelConfig:
    """The config of a model of a shape and a vocabulary."""
    return ModelConfig(
        vocab_size=vocab_size,
        layers=shape.layers,
        width=shape.width,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        ffn_width=shape.ffn_width,
        max_context=shape.context,
        rope_theta=shape.rope_theta,
        tie_embeddings=shape.tie_embeddings,
        family=shape.family,
        ngram_rows=shape.ngram_rows if shape.family == "speedrun" else (),
        ngram_width=shape.ngram_width,
    )
