"""A model's shape as Hugging Face's `config.json`, both ways, for each family.

In: a ModelConfig, or the parsed JSON of a Qwen3, Llama or GPT-2 folder. Whatever this code would
compute differently from transformers (sliding windows, biases where the family has none, another
activation) is refused by name, never ignored, and so is what it doesn't know (`hf_keys`).
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import dataclasses
from typing import Any

from pipeline.model import hf_keys
from pipeline.model.config import SIZES, ModelConfig
from pipeline.model.hf_keys import flag, number, table, whole
from pipeline.model.rope import RopeScaling
from storage.errors import UserError

ARCHITECTURES = {
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "speedrun": "SpeedrunForCausalLM",  # this project's own: no other program knows it
}
# How the names of a family's classes begin: a folder may have been saved from any of them.
CLASSES = {"qwen3": "qwen3", "llama": "llama", "gpt2": "gpt2", "speedrun": "speedrun"}


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
    """The model's shape from a parsed `config.json`.

    Raises:
        UserError: it asks for something that is not built here, or a value is unusable.
    """
    kind = data.get("model_type")
    readers = {
        "gpt2": _gpt2_from_hf,
        "speedrun": _speedrun_from_hf,
        "qwen3": _rotary_from_hf,
        "llama": _rotary_from_hf,
    }
    if not isinstance(kind, str) or kind not in readers:
        raise UserError(
            f"config.json says model_type {kind!r}: {', '.join(ARCHITECTURES)} can be loaded"
        )
    classes = data.get("architectures") or []
    if classes and not any(str(name).lower().startswith(CLASSES[kind]) for name in classes):
        raise UserError(f"config.json says {kind} and architectures {classes}: which is it?")
    return readers[kind](data)


def _refuse(data: dict[str, Any], unwanted: dict[str, Any]) -> None:
    """Each key must be absent or hold the one value this code computes."""
    for name, wanted in unwanted.items():
        if data.get(name, wanted) != wanted:
            raise UserError(f"config.json asks for {name} {data[name]!r}: only {wanted!r} is built")


_ROTARY_SIZES = (
    "vocab_size num_hidden_layers hidden_size num_attention_heads num_key_value_heads head_dim"
    " intermediate_size max_position_embeddings rope_theta rms_norm_eps tie_word_embeddings"
    " rope_scaling rope_parameters hidden_act layer_types sliding_window max_window_layers"
).split()


def _rotary_from_hf(data: dict[str, Any]) -> ModelConfig:
    built = {
        "attention_bias": False,
        "mlp_bias": False,
        "use_sliding_window": False,
        "partial_rotary_factor": 1.0,
    }
    _refuse(data, built)
    if data.get("hidden_act", "silu") not in ("silu", "swish"):  # the same function
        raise UserError(f"config.json asks for hidden_act {data['hidden_act']!r}: silu is built")
    hf_keys.check(data, (*_ROTARY_SIZES, *built))
    context = whole(data, "max_position_embeddings")
    if any(kind != "full_attention" for kind in data.get("layer_types") or ()):
        raise UserError("config.json asks for layer_types that aren't full_attention: not built")
    window = data.get("sliding_window")
    if data["model_type"] == "llama" and window and not window >= context:
        raise UserError(f"config.json asks for a sliding_window of {window}: none is built")
    # transformers 5 keeps theta and the scaling rule in rope_parameters.
    rope = table(data, "rope_scaling") or table(data, "rope_parameters")
    theta = number(data, "rope_theta", number(rope, "rope_theta", 10_000.0))
    if number(rope, "rope_theta", theta) != theta:
        raise UserError(f"config.json says rope_theta {theta} and {rope['rope_theta']}: which?")
    heads = whole(data, "num_attention_heads")
    return ModelConfig(
        vocab_size=whole(data, "vocab_size"),
        layers=whole(data, "num_hidden_layers"),
        width=whole(data, "hidden_size"),
        heads=heads,
        kv_heads=whole(data, "num_key_value_heads", heads),
        head_dim=whole(data, "head_dim", whole(data, "hidden_size") // heads),
        ffn_width=whole(data, "intermediate_size"),
        max_context=context,
        rope_theta=theta,
        norm_eps=number(data, "rms_norm_eps", 1e-6),
        tie_embeddings=flag(data, "tie_word_embeddings", False),
        family=data["model_type"],
        rope_scaling=RopeScaling.from_hf(rope, context),
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
        raise UserError(
            f"config.json asks for activation_function {activation!r}: only gelu_new is built"
        )
    built = {
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    }
    _refuse(data, built)
    sizes = "vocab_size n_layer n_embd n_head n_inner n_positions layer_norm_epsilon".split()
    hf_keys.check(data, (*sizes, *built, "activation_function", "tie_word_embeddings"))
    width, heads = whole(data, "n_embd"), whole(data, "n_head")
    return ModelConfig(
        vocab_size=whole(data, "vocab_size"),
        layers=whole(data, "n_layer"),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        ffn_width=whole(data, "n_inner", 4 * width),
        max_context=whole(data, "n_ctx" if data.get("n_positions") is None else "n_positions"),
        norm_eps=number(data, "layer_norm_epsilon", 1e-5),
        tie_embeddings=flag(data, "tie_word_embeddings", True),
        family="gpt2",
    )


def _speedrun_from_hf(data: dict[str, Any]) -> ModelConfig:
    names = [field.name for field in dataclasses.fields(ModelConfig)]
    hf_keys.check(data, (*names, "tie_word_embeddings"))
    values = {name: data[name] for name in names if name in data}
    for name in SIZES:
        values[name] = whole(data, name)
    try:
        values["ngram_rows"] = tuple(values.get("ngram_rows", ()))
        if values.get("rope_scaling") is not None:
            values["rope_scaling"] = RopeScaling(**values["rope_scaling"])
        return ModelConfig(**values)
    except TypeError as error:
        raise UserError(f"config.json is no whole speedrun config: {error}") from error
