"""A model's shape as GGUF's key-value pairs, both ways.

In: a ModelConfig. Out: the keys llama.cpp reads for the family (qwen3, llama, gpt2), and back.
Llama 3's scaling has no keys: llama.cpp takes a divisor for each frequency from a tensor, and only
in family llama, so that rule is refused for qwen3. Numbers are float32 in the file. Read back, each
becomes the shortest decimal with that float32, which is the number that was written.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.model import ModelConfig
from pipeline.model.rope import RopeScaling, frequencies
from storage.errors import UserError

FAMILIES = ("qwen3", "llama", "gpt2")
# The keys that a file may have of its family: read below, or without effect on the computation. Any
# other key whose value isn't off (0, false, empty) is refused: it would be ignored.
_READ = (
    "context_length embedding_length block_count feed_forward_length attention.head_count"
    " attention.head_count_kv attention.key_length attention.value_length"
    " attention.layer_norm_epsilon attention.layer_norm_rms_epsilon rope.dimension_count"
    " rope.freq_base rope.scaling.type rope.scaling.factor rope.scaling.original_context_length"
    " rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow rope.scaling.attn_factor"
).split()
_FREE = ("vocab_size", "rope.scaling.finetuned", "tensor_data_layout")
# The original contexts of Llama 3's rules that are in use; they can't be told from the tensor.
_LLAMA3_CONTEXTS = tuple(1 << power for power in range(6, 21))

Value = str | int | float | bool


def to_keys(config: ModelConfig) -> dict[str, Value]:
    """The keys for a model's shape; the config must have passed `check`."""
    heads: dict[str, Value] = {
        "vocab_size": config.vocab_size,
        "context_length": config.max_context,
        "embedding_length": config.width,
        "block_count": config.layers,
        "feed_forward_length": config.ffn_width,
        "attention.head_count": config.heads,
    }
    if config.family == "gpt2":
        heads["attention.layer_norm_epsilon"] = config.norm_eps
    else:
        heads |= {
            "attention.head_count_kv": config.kv_heads,
            "attention.key_length": config.head_dim,
            "attention.value_length": config.head_dim,
            "attention.layer_norm_rms_epsilon": config.norm_eps,
            "rope.dimension_count": config.head_dim,
            "rope.freq_base": config.rope_theta,
            **_scaling_keys(config.rope_scaling),
        }
    return {f"{config.family}.{key}": value for key, value in heads.items()}


def check_portable(config: ModelConfig) -> None:
    """Raise UserError for the family that is this project's own."""
    if config.family not in FAMILIES:
        raise UserError(
            f"a model of family {config.family} can't be exported, no other program runs it: "
            "train with shape.family=qwen3 (the portable shape)"
        )


def check(config: ModelConfig) -> None:
    """Raise UserError for a shape that GGUF can't express."""
    check_portable(config)
    scaling = config.rope_scaling
    if scaling is not None and scaling.kind == "llama3" and config.family != "llama":
        raise UserError(
            f"llama.cpp has RoPE scaling llama3 for family llama alone, not {config.family}: "
            "extend with yarn, or export to hf"
        )


def from_keys(
    family: str, keys: Mapping[str, Any], rows: int, tied: bool, factors: np.ndarray | None
) -> ModelConfig:
    """The shape of a file's model.

    Args:
        family: of the file.
        keys: all its keys.
        rows: of its embedding.
        tied: whether it has no output matrix of its own.
        factors: its rope_freqs tensor, if it has one.

    Raises:
        UserError: it asks for something that is not built here, or a value is unusable.
    """
    if family not in FAMILIES:
        raise UserError(f"GGUF of family {family!r}: only {', '.join(FAMILIES)} can be loaded")

    known = {f"{family}.{key}" for key in (*_READ, *_FREE)}
    for key, value in keys.items():
        off = not value or (key.endswith("attention.causal") and value is True)
        if key.startswith(f"{family}.") and key not in known and not off:
            raise UserError(
                f"the GGUF file says {key} = {value!r}, which is not known here and may change "
                "what the model computes"
            )
    if keys.get("general.type", "model") != "model":
        raise UserError(f"the GGUF file is of type {keys['general.type']!r}, and no model")

    def get(key: str, default: Any = None) -> Any:
        found = keys.get(f"{family}.{key}", default)
        if found is None:
            raise UserError(f"the GGUF file lacks {family}.{key}")
        if isinstance(found, list):
            raise UserError(f"the GGUF file has another {key} in each layer: that is not built")
        return shortest(found) if isinstance(found, float) else found

    def size(key: str, default: int | None = None) -> int:
        found = get(key, default)
        if type(found) is not int or found < 1:
            raise UserError(f"the GGUF file's {key} is {found!r}, and no whole number from 1 on")
        return found

    width, heads = size("embedding_length"), size("attention.head_count")
    sizes: dict[str, Any] = {
        "vocab_size": rows,
        "layers": size("block_count"),
        "width": width,
        "heads": heads,
        "kv_heads": size("attention.head_count_kv", heads),
        "head_dim": size("attention.key_length", width // heads),
        "ffn_width": size("feed_forward_length"),
        "max_context": size("context_length"),
        "tie_embeddings": tied,
        "family": family,
    }
    if family == "gpt2":
        return ModelConfig(**sizes, norm_eps=get("attention.layer_norm_epsilon"))
    rotated = get("rope.dimension_count", sizes["head_dim"])
    if rotated != sizes["head_dim"] or get("attention.value_length", rotated) != rotated:
        raise UserError("the GGUF file rotates a part of each head only: that is not built")
    theta = float(get("rope.freq_base", 10_000.0))
    scaling = _scaling_of(get, sizes["max_context"])
    if factors is not None:
        scaling = _llama3_of(factors, sizes["head_dim"], theta)
    return ModelConfig(
        **sizes,
        rope_theta=theta,
        norm_eps=get("attention.layer_norm_rms_epsilon"),
        rope_scaling=scaling,
    )


def rope_factors(config: ModelConfig) -> np.ndarray | None:
    """Llama 3's rule in llama.cpp's form: [head_dim / 2] float32, each frequency's divisor."""
    scaling = config.rope_scaling
    if scaling is None or scaling.kind != "llama3":
        return None
    plain = frequencies(config.head_dim, config.rope_theta, None)
    return (plain / frequencies(config.head_dim, config.rope_theta, scaling)).numpy()


def shortest(value: float) -> float:
    """The shortest decimal that has this float32: 1e-06, not 9.999999974752427e-07."""
    return float(str(np.float32(value)))


def _scaling_keys(scaling: RopeScaling | None) -> dict[str, Value]:
    if scaling is None or scaling.kind == "llama3":
        return {}
    keys: dict[str, Value] = {
        "rope.scaling.type": scaling.kind,
        "rope.scaling.factor": scaling.factor,
        "rope.scaling.original_context_length": scaling.original_context,
    }
    if scaling.kind == "yarn":
        keys["rope.scaling.yarn_beta_fast"] = scaling.beta_fast
        keys["rope.scaling.yarn_beta_slow"] = scaling.beta_slow
        # llama.cpp multiplies this by Peng's 0.1 ln(factor) + 1.
        usual = 0.1 * math.log(scaling.factor) + 1.0
        if scaling.attention_factor is not None:
            keys["rope.scaling.attn_factor"] = scaling.attention_factor / usual
        if not scaling.truncate:
            raise UserError("llama.cpp's yarn rounds its ramp: truncate=false can't be written")
    return keys


def _scaling_of(get: Any, context: int) -> RopeScaling | None:
    kind = get("rope.scaling.type", "none")
    if kind == "none":
        return None
    factor = float(get("rope.scaling.factor"))
    # A linear rule doesn't use the original context, and older files don't name it.
    original = int(get("rope.scaling.original_context_length", max(1, round(context / factor))))
    if kind == "linear":
        return RopeScaling("linear", factor, original)
    if kind != "yarn":
        raise UserError(f"the GGUF file asks for RoPE scaling {kind!r}: linear and yarn are built")
    usual = 0.1 * math.log(factor) + 1.0
    relative = float(get("rope.scaling.attn_factor", 1.0))
    return RopeScaling(
        "yarn",
        factor,
        original,
        beta_fast=float(get("rope.scaling.yarn_beta_fast", 32.0)),
        beta_slow=float(get("rope.scaling.yarn_beta_slow", 1.0)),
        # float32 has seven digits
        attention_factor=None if relative == 1.0 else float(f"{relative * usual:.7g}"),
    )


def _llama3_of(factors: np.ndarray, head_dim: int, theta: float) -> RopeScaling:
    """The rule whose divisors these are, among those in use."""
    plain = frequencies(head_dim, theta, None)
    slowest = shortest(float(factors.max()))
    for original in _LLAMA3_CONTEXTS:
        rule = RopeScaling("llama3", max(1.0, slowest), original)
        if np.allclose((plain / frequencies(head_dim, theta, rule)).numpy(), factors, rtol=1e-5):
            return rule
    raise UserError("the GGUF file's rope_freqs are no rule of Llama 3 with factors 1 and 4")
