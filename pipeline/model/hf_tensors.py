"""A model's tensors under Hugging Face's names, both ways, for each family.

Qwen3 and Llama have this project's names after a prefix `model.`. GPT-2 joins q, k, v in one
`c_attn`, its matrices are transposed (Conv1D: [in, out]), and its names are its own. Both ways are
exact: a load and a save give the same bytes (in float32).
"""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from pipeline.model.config import ModelConfig
from pipeline.model.transformer import Transformer
from storage.errors import UserError

HEAD = "lm_head.weight"
# GPT-2's names of a layer's matrices and norms, and ours.
GPT2_LAYER = {
    "ln_1": "input_layernorm",
    "attn.c_proj": "self_attn.o_proj",
    "ln_2": "post_attention_layernorm",
    "mlp.c_fc": "mlp.up_proj",
    "mlp.c_proj": "mlp.down_proj",
}
GPT2_TOP = {"wte": "embed_tokens", "wpe": "embed_positions", "ln_f": "norm"}
# Causal masks and rotation tables, which old files hold as well.
_BUFFERS = re.compile(r"\.attn\.(bias|masked_bias)$|\.rotary_emb\.inv_freq$")
_GPT2_JOINED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def is_buffer(name: str) -> bool:
    """Whether a stored tensor is a buffer of its class, not a weight."""
    return bool(_BUFFERS.search(name))


def check_names(config: ModelConfig, names: Iterable[str], folder: Path) -> None:
    """Check that a folder holds each weight that the config asks for, and no others.

    Raises:
        UserError: a weight is missing, unknown or stored twice.
    """
    with torch.device("meta"):
        expected = set(to_hf(config, Transformer(config).state_dict()))
    prefix = "transformer." if config.family == "gpt2" else "model."
    found: set[str] = set()
    for name in names:
        if is_buffer(name):
            continue
        whole = name if name == HEAD or name.startswith(prefix) else prefix + name
        if whole in found:
            raise UserError(f"{folder}: tensor {whole} is there twice, with and without prefix")
        found.add(whole)
    missing = sorted(expected - found)
    if missing:
        raise UserError(f"{folder}: tensor {missing[0]} is missing: config.json asks for it")
    unknown = sorted(found - expected - ({HEAD} if config.tie_embeddings else set()))
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise UserError(
            f"{folder}: tensor {unknown[0]}{more} has no place in a {config.family} model of "
            f"{config.layers} layers: what it does would be left out"
        )


def to_hf(config: ModelConfig, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's state dict under the names of the family's class in transformers."""
    if config.family != "gpt2":
        return {name if name == HEAD else f"model.{name}": t for name, t in state.items()}
    tensors = {HEAD: state[HEAD]} if HEAD in state else {}
    for theirs, ours in GPT2_TOP.items():
        for kind in ("weight", "bias"):
            if f"{ours}.{kind}" in state:
                tensors[f"transformer.{theirs}.{kind}"] = state[f"{ours}.{kind}"]
    for layer in range(config.layers):
        mine, out = f"layers.{layer}", f"transformer.h.{layer}"
        for kind in ("weight", "bias"):
            joined = torch.cat([state[f"{mine}.{part}.{kind}"] for part in _GPT2_JOINED])
            tensors[f"{out}.attn.c_attn.{kind}"] = _conv1d(joined)
            for theirs, ours in GPT2_LAYER.items():
                tensors[f"{out}.{theirs}.{kind}"] = _conv1d(state[f"{mine}.{ours}.{kind}"])
    return tensors


def from_hf(config: ModelConfig, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a folder under the model's own names; what is not a weight is dropped.

    Folders come with and without the class's prefix (`model.`, `transformer.`): GPT-2's originals
    have none.
    """
    prefix = "transformer." if config.family == "gpt2" else "model."
    bare = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if config.family != "gpt2":
        return bare
    state = {HEAD: bare[HEAD]} if HEAD in bare else {}
    for name, tensor in bare.items():
        found = re.fullmatch(r"h\.(\d+)\.(.+)\.(weight|bias)", name)
        if found is None:
            module, _, kind = name.rpartition(".")
            if module in GPT2_TOP:
                state[f"{GPT2_TOP[module]}.{kind}"] = tensor
            continue
        layer, module, kind = found.groups()
        if module == "attn.c_attn":
            if tensor.shape[-1] % 3:
                raise UserError(f"tensor {name} of shape {tuple(tensor.shape)} is not q, k and v")
            parts = _conv1d(tensor).chunk(3)
            for part, piece in zip(_GPT2_JOINED, parts):
                state[f"layers.{layer}.{part}.{kind}"] = piece
        elif module in GPT2_LAYER:
            state[f"layers.{layer}.{GPT2_LAYER[module]}.{kind}"] = _conv1d(tensor)
    return state


def _conv1d(tensor: Tensor) -> Tensor:
    """A matrix transposed ([out, in] to [in, out] or back); a vector unchanged."""
    return tensor.T if tensor.ndim == 2 else tensor
