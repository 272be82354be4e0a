"""Converts tensors between Hugging Face's names and layouts and GGUF's.

In: one tensor as numpy, by its Hugging Face name. Out: the tensor llama.cpp expects, by its name;
and the exact inverse. Two families need more than a name: Llama's query and key rows are reordered,
since llama.cpp rotates neighbouring pairs where Hugging Face rotates halves; GPT-2's matrices,
stored [in, out] by Hugging Face, are transposed to [out, in].
"""

import re

import numpy as np

from pipeline.model import ModelConfig
from storage.errors import UserError

ROPE_FACTORS = "rope_freqs.weight"  # not a weight: it tells llama.cpp Llama 3's scaling

# Hugging Face's name in the file, GGUF's name; {} is the layer.
_DECODER = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "model.layers.{}.input_layernorm": "blk.{}.attn_norm",
    "model.layers.{}.self_attn.q_proj": "blk.{}.attn_q",
    "model.layers.{}.self_attn.k_proj": "blk.{}.attn_k",
    "model.layers.{}.self_attn.v_proj": "blk.{}.attn_v",
    "model.layers.{}.self_attn.o_proj": "blk.{}.attn_output",
    "model.layers.{}.self_attn.q_norm": "blk.{}.attn_q_norm",
    "model.layers.{}.self_attn.k_norm": "blk.{}.attn_k_norm",
    "model.layers.{}.post_attention_layernorm": "blk.{}.ffn_norm",
    "model.layers.{}.mlp.gate_proj": "blk.{}.ffn_gate",
    "model.layers.{}.mlp.up_proj": "blk.{}.ffn_up",
    "model.layers.{}.mlp.down_proj": "blk.{}.ffn_down",
}
_GPT2 = {
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
    "lm_head": "output",
    "transformer.h.{}.ln_1": "blk.{}.attn_norm",
    "transformer.h.{}.attn.c_attn": "blk.{}.attn_qkv",
    "transformer.h.{}.attn.c_proj": "blk.{}.attn_output",
    "transformer.h.{}.ln_2": "blk.{}.ffn_norm",
    "transformer.h.{}.mlp.c_fc": "blk.{}.ffn_up",
    "transformer.h.{}.mlp.c_proj": "blk.{}.ffn_down",
}
_NAMES = {"qwen3": _DECODER, "llama": _DECODER, "gpt2": _GPT2}
_CONV1D = re.compile(r"\.(c_attn|c_proj|c_fc)\.weight$")


def to_gguf(name: str, tensor: np.ndarray, config: ModelConfig) -> tuple[str, np.ndarray]:
    """GGUF's name and layout of one of Hugging Face's tensors.

    Raises:
        UserError: the family has no such tensor.
    """
    if config.family == "gpt2" and not name.startswith(("transformer.", "lm_head.")):
        name = f"transformer.{name}"  # OpenAI's own files leave the prefix out
    renamed = _translate(name, _NAMES[config.family])
    if renamed is None:
        raise UserError(f"tensor {name} has no place in a GGUF file of family {config.family}")
    if config.family == "gpt2" and _CONV1D.search(name):
        tensor = tensor.T
    heads = _rotated_heads(name, config)
    if heads:
        tensor = _pairs(tensor, heads)
    return renamed, tensor


def to_huggingface(name: str, tensor: np.ndarray, config: ModelConfig) -> tuple[str, np.ndarray]:
    """The inverse of `to_gguf`."""
    renamed = _translate(name, {theirs: ours for ours, theirs in _NAMES[config.family].items()})
    if renamed is None:
        raise UserError(f"GGUF tensor {name} is not known of family {config.family}")
    if config.family == "gpt2" and _CONV1D.search(renamed):
        tensor = tensor.T
    heads = _rotated_heads(renamed, config)
    if heads:
        tensor = _halves(tensor, heads)
    return renamed, tensor


def _translate(name: str, table: dict[str, str]) -> str | None:
    stem, _, kind = name.rpartition(".")
    layer = re.search(r"\.(\d+)(?=\.)", stem)
    key = stem[: layer.start(1)] + "{}" + stem[layer.end(1) :] if layer else stem
    found = table.get(key)
    if found is None or kind not in ("weight", "bias"):
        return None
    return f"{found.format(layer[1]) if layer else found}.{kind}"


def _rotated_heads(name: str, config: ModelConfig) -> int:
    """The number of heads whose rows llama.cpp wants in pairs; 0: it takes them unchanged."""
    if config.family != "llama":
        return 0
    if ".q_proj." in name:
        return config.heads
    return config.kv_heads if ".k_proj." in name else 0


def _pairs(tensor: np.ndarray, heads: int) -> np.ndarray:
    """Each head's rows 0, 1, 2 … reordered to 0, half, 1, half + 1 …"""
    rows = tensor.reshape(heads, 2, -1, *tensor.shape[1:])
    return rows.swapaxes(1, 2).reshape(tensor.shape)


def _halves(tensor: np.ndarray, heads: int) -> np.ndarray:
    rows = tensor.reshape(heads, -1, 2, *tensor.shape[1:])
    return rows.swapaxes(1, 2).reshape(tensor.shape)
