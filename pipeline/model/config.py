"""The shape of a model: its family, its sizes, how its rotation is stretched.

One module runs four families, which differ in the few points of `Family`: Qwen3 (the default: what
this project trains), Llama 3.x, GPT-2, and `speedrun`, the fastest-learning shape, which no other
program can load. `config.json` both ways is in `pipeline.model.hf_config`.
"""

import dataclasses

from pipeline import ranges
from pipeline.model.rope import RopeScaling
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Family:
    """What a family's layers are made of."""

    qk_norm: bool  # RMSNorm of each head's queries and keys, before the rotation
    positions: str  # "rope", or "learned" (a table added to the embedding)
    norm: str  # "rms", or "layer" (mean taken off, a bias)
    activation: str  # "swiglu" (gated), "gelu_tanh" or "relu2"
    biases: bool  # on every linear layer


FAMILIES = {
    "qwen3": Family(qk_norm=True, positions="rope", norm="rms", activation="swiglu", biases=False),
    "llama": Family(qk_norm=False, positions="rope", norm="rms", activation="swiglu", biases=False),
    "gpt2": Family(
        qk_norm=False, positions="learned", norm="layer", activation="gelu_tanh", biases=True
    ),
    "speedrun": Family(
        qk_norm=True, positions="rope", norm="rms", activation="relu2", biases=False
    ),
}
SIZES = (
    "vocab_size",
    "layers",
    "width",
    "heads",
    "kv_heads",
    "head_dim",
    "ffn_width",
    "max_context",
)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes; the defaults are Qwen3's."""

    vocab_size: int
    layers: int
    width: int  # features of the residual stream
    heads: int  # query heads
    kv_heads: int  # key/value heads, a divisor of `heads`
    head_dim: int  # even, for the rotation
    ffn_width: int
    max_context: int  # positions
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    tie_embeddings: bool = False
    family: str = "qwen3"  # a name of FAMILIES
    rope_scaling: RopeScaling | None = None
    # speedrun only: rows of the tables of 2-grams, 3-grams, … (see pipeline.model.speedrun)
    ngram_rows: tuple[int, ...] = ()
    ngram_width: int = 32  # features a row

    def __post_init__(self) -> None:
        ranges.check(
            self, above_zero=f"{' '.join(SIZES)} rope_theta norm_eps ngram_rows ngram_width"
        )
        if self.heads % self.kv_heads:
            raise UserError(
                f"model heads {self.heads} must be a multiple of kv_heads {self.kv_heads}"
            )
        if self.head_dim % 2:
            raise UserError(f"model head_dim {self.head_dim} must be even")
        if self.family not in FAMILIES:
            raise UserError(f"model family {self.family!r} is unknown: use {', '.join(FAMILIES)}")
        if self.rope_scaling is not None and self.parts.positions != "rope":
            raise UserError(f"model family {self.family} has no rotation: rope_scaling can't apply")
        if self.ngram_rows and self.family != "speedrun":
            raise UserError(
                f"model family {self.family} has no n-gram tables: ngram_rows must be ()"
            )
        if self.family == "gpt2" and (self.heads, self.width) != (
            self.kv_heads,
            self.heads * self.head_dim,
        ):
            raise UserError("model family gpt2 needs kv_heads = heads and heads * head_dim = width")

    @property
    def parts(self) -> Family:
        """What the family's layers are made of."""
        return FAMILIES[self.family]

    @property
    def matrix_parameters(self) -> int:
        """Weights that take part in a matrix product for each token: no embedding, no norms."""
        attention = 2 * self.width * self.head_dim * (self.heads + self.kv_heads)
        matrices = 3 if self.parts.activation == "swiglu" else 2
        feed_forward = matrices * self.width * self.ffn_width
        tables = self.width * len(self.ngram_rows) * self.ngram_width  # their projection
        head = self.vocab_size * self.width
        return self.layers * (attention + feed_forward) + head + tables

    def flops_per_token(self, context: int) -> int:
        """Of a training step on rows of `context` tokens."""
        return training_flops(
            self.matrix_parameters, self.layers, self.heads * self.head_dim, context
        )


def training_flops(matrix_parameters: int, layers: int, attention_width: int, context: int) -> int:
    """Floating-point operations a token, forward and backward: 6N + 12 L H Q T.

    The convention of PaLM's MFU (Chowdhery et al. 2022, appendix B) and of nanoGPT: attention
    counts as all T x T scores, although a causal mask leaves half of them out, so that MFU, laws of
    scaling and plans compare with those of others. N are the weights of matrix products.
    """
    return 6 * matrix_parameters + 12 * layers * attention_width * context
