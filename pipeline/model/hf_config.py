"""A model's shape as Hugging Face's `config.json`, both ways, for each family.

In: a ModelConfig, or the parsed JSON of a Qwen3, Llama or GPT-2 folder. Whatever this code would
compute differently from transformers (sliding windows, biases where the family has none, another
activation) is refused by name, never ignored.
"""

import dataclasses
from typing import Any

from pipeline.model.config import ModelConfig
from pipeline.model.rope import RopeScaling
from storage.errors import UserError

ARCHITECTURES = {
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "speedrun": "SpeedrunForCausalLM",  # this project's own: no other program knows it
}


def to_hf(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` that the family's class in transformers reads."""
    head = {
        "architectures": [ARCHITECTURES[config.family]],
        "model_type": config.family,
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.tie_embeddings,
        "torch_dtype": "float32",
        "use_cache": True,
    }
    if config.family == "gpt2":
        return head | _gpt2_to_hf(config)
    if config.family == "speedrun":
        return head | dataclasses.asdict(config)
    return head | {
        "num_hidden_layers": config.layers,
        "hidden_size": config.width,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.ffn_width,
        "max_position_embeddings": config.max_context,
        "rope_theta": config.rope_theta,
        "rope_scaling": None if config.rope_scaling is None else config.rope_scaling.to_hf(),
        "rms_norm_eps": config.norm_eps,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        **({"mlp_bias": False} if config.family == "llama" else {"use_sliding_window": False}),
    }


def from_hf(data: dict[str, Any]) -> ModelConfig:
    """From a parsed `config.json`."""
    kind = data.get("model_type")
    try:
        if kind == "gpt2":
            return _gpt2_from_hf(data)
        if kind == "speedrun":
            return _speedrun_from_hf(data)
        if kind in ("qwen3", "llama"):
            return _rotary_from_hf(data, kind)
    except KeyError as error:
        raise UserError(f"config.json lacks {error.args[0]!r}") from error
    raise UserError(
        f"config.json says model_type {kind!r}: {', '.join(ARCHITECTURES)} can be loaded"
    )


def _refuse(data: dict[str, Any], unwanted: dict[str, Any]) -> None:
    """Each key must be absent or hold the one value this code computes."""
    for name, wanted in unwanted.items():
        if data.get(name, wanted) != wanted:
            raise UserError(f"config.json asks for {name} {data[name]!r}: only {wanted!r} is built")


def _rotary_from_hf(data: dict[str, Any], family: str) -> ModelConfig:
    _refuse(
        data,
        {
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "use_sliding_window": False,
            "partial_rotary_factor": 1.0,
        },
    )
    # transformers 5 keeps theta and the scaling rule in rope_parameters.
    rope = data.get("rope_parameters") or {}
    context = data["max_position_embeddings"]
    scaling = RopeScaling.from_hf(data.get("rope_scaling") or rope, context)
    return ModelConfig(
        vocab_size=data["vocab_size"],
        layers=data["num_hidden_layers"],
        width=data["hidden_size"],
        heads=data["num_attention_heads"],
        kv_heads=data.get("num_key_value_heads") or data["num_attention_heads"],
        head_dim=data.get("head_dim") or data["hidden_size"] // data["num_attention_heads"],
        ffn_width=data["intermediate_size"],
        max_context=context,
        rope_theta=float(data.get("rope_theta") or rope.get("rope_theta", 10_000.0)),
        norm_eps=data.get("rms_norm_eps", 1e-6),
        tie_embeddings=bool(data.get("tie_word_embeddings", False)),
        family=family,
        rope_scaling=scaling,
    )


def _gpt2_to_hf(config: ModelConfig) -> dict[str, Any]:
    return {
        "n_layer": config.layers,
        "n_embd": config.width,
        "n_head": config.heads,
        "n_inner": config.ffn_width,
        "n_positions": config.max_context,
        "n_ctx": config.max_context,  # read by older programs
        "layer_norm_epsilon": config.norm_eps,
        "activation_function": "gelu_new",
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
    }


def _gpt2_from_hf(data: dict[str, Any]) -> ModelConfig:
    activation = data.get("activation_function", "gelu_new")
    if activation not in ("gelu_new", "gelu_pytorch_tanh"):  # the same function
        raise UserError(f"config.json asks for activation {activation!r}: only gelu_new is built")
    _refuse(
        data,
        {
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
            "add_cross_attention": False,
        },
    )
    width, heads = data["n_embd"], data["n_head"]
    return ModelConfig(
        vocab_size=data["vocab_size"],
        layers=data["n_layer"],
        width=width,
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        ffn_width=data.get("n_inner") or 4 * width,
        max_context=data.get("n_positions") or data["n_ctx"],
        norm_eps=data.get("layer_norm_epsilon", 1e-5),
        tie_embeddings=bool(data.get("tie_word_embeddings", True)),
        family="gpt2",
    )


def _speedrun_from_hf(data: dict[str, Any]) -> ModelConfig:
    names = [field.name for field in dataclasses.fields(ModelConfig)]
    values = {name: data[name] for name in names if name in data}
    values["ngram_rows"] = tuple(values.get("ngram_rows", ()))
    if values.get("rope_scaling") is not None:
        values["rope_scaling"] = RopeScaling(**values["rope_scaling"])
    try:
        return ModelConfig(**values)
    except TypeError as error:
        raise UserError(f"config.json is no whole speedrun config: {error}") from error
