"""The shape of a model, and its Hugging Face Qwen3 `config.json` both ways."""

import dataclasses
from typing import Any

from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Qwen3's shape: pre-RMSNorm, per-head q/k norm, RoPE, SwiGLU, grouped queries, no biases."""

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

    def __post_init__(self) -> None:
        sizes = dataclasses.asdict(self)
        for name in (
            "vocab_size",
            "layers",
            "width",
            "heads",
            "kv_heads",
            "head_dim",
            "ffn_width",
            "max_context",
        ):
            if sizes[name] < 1:
                raise UserError(f"model {name} is {sizes[name]}: it must be at least 1")
        if self.heads % self.kv_heads:
            raise UserError(
                f"model heads {self.heads} must be a multiple of kv_heads {self.kv_heads}"
            )
        if self.head_dim % 2:
            raise UserError(f"model head_dim {self.head_dim} must be even")

    @property
    def matrix_parameters(self) -> int:
        """Weights that take part in a matrix product for each token: no embedding, no norms."""
        attention = 2 * self.width * self.head_dim * (self.heads + self.kv_heads)
        feed_forward = 3 * self.width * self.ffn_width
        return self.layers * (attention + feed_forward) + self.vocab_size * self.width

    def flops_per_token(self, context: int) -> int:
        """Of a training step: 6 a matrix weight, and the full T x T attention by convention."""
        return 6 * self.matrix_parameters + 12 * self.layers * self.heads * self.head_dim * context

    def to_hf(self) -> dict[str, Any]:
        """The `config.json` that Qwen3ForCausalLM reads."""
        return {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "vocab_size": self.vocab_size,
            "num_hidden_layers": self.layers,
            "hidden_size": self.width,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.ffn_width,
            "max_position_embeddings": self.max_context,
            "rope_theta": self.rope_theta,
            "rope_scaling": None,
            "rms_norm_eps": self.norm_eps,
            "tie_word_embeddings": self.tie_embeddings,
            "hidden_act": "silu",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "use_sliding_window": False,
            "torch_dtype": "float32",
            "use_cache": True,
        }

    @classmethod
    def from_hf(cls, data: dict[str, Any]) -> "ModelConfig":
        """From a Qwen3 `config.json`; whatever this code would compute differently is refused."""
        kind = data.get("model_type")
        if kind != "qwen3":
            raise UserError(f"config.json says model_type {kind!r}: only qwen3 can be loaded")
        rope = data.get("rope_parameters") or {}
        scaling = data.get("rope_scaling") or {}
        for settings in (rope, scaling):
            if settings.get("rope_type", settings.get("type", "default")) != "default":
                raise UserError(f"config.json asks for RoPE scaling {settings}: not supported")
        if data.get("attention_bias") or data.get("use_sliding_window"):
            raise UserError("config.json asks for attention biases or a sliding window")
        if data.get("hidden_act", "silu") != "silu":
            raise UserError(f"config.json asks for activation {data['hidden_act']!r}, not silu")
        try:
            return cls(
                vocab_size=data["vocab_size"],
                layers=data["num_hidden_layers"],
                width=data["hidden_size"],
                heads=data["num_attention_heads"],
                kv_heads=data.get("num_key_value_heads") or data["num_attention_heads"],
                head_dim=data.get("head_dim") or data["hidden_size"] // data["num_attention_heads"],
                ffn_width=data["intermediate_size"],
                max_context=data["max_position_embeddings"],
                rope_theta=float(data.get("rope_theta") or rope.get("rope_theta", 10_000.0)),
                norm_eps=data.get("rms_norm_eps", 1e-6),
                tie_embeddings=bool(data.get("tie_word_embeddings", False)),
            )
        except KeyError as error:
            raise UserError(f"config.json lacks {error.args[0]!r}") from error
