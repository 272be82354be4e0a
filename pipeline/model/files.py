"""A model folder as Hugging Face lays it out: model.safetensors, config.json, the tokenizer.

`transformers.AutoModelForCausalLM.from_pretrained` loads what `save` writes, with equal logits (the
speedrun family apart), and `load` reads Qwen3, Llama and GPT-2 folders (one file or several with an
index; float32, bf16 or f16 tensors). Weights are kept and stored in float32.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.model import hf_config, hf_tensors
from pipeline.model.transformer import Transformer
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError


def save(model: Transformer, tokenizer: Tokenizer, folder: Path | str) -> None:
    """Write the model and its tokenizer into `folder`."""
    if tokenizer.vocab_size > model.config.vocab_size:
        raise ValueError(
            f"tokenizer has {tokenizer.vocab_size} tokens, the model {model.config.vocab_size} rows"
        )
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: weight.detach().to("cpu", torch.float32).contiguous()
        for name, weight in hf_tensors.to_hf(model.config, model.state_dict()).items()
    }
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    config = hf_config.to_hf(model.config)
    ends = tokenizer.stop_tokens
    if tokenizer.has_conversation_tokens:
        ends = (tokenizer.special("<|im_end|>"),)
    config["eos_token_id"] = ends[0] if len(ends) == 1 else list(ends)
    config["pad_token_id"] = tokenizer.document_token
    text = json.dumps(config, indent=2, sort_keys=True)
    (out / "config.json").write_text(text + "\n", encoding="utf-8")
    tokenizer.save(out)


def load(
    path: Path | str,
    device: torch.device | str = "cpu",
    compute_dtype: torch.dtype = torch.float32,
) -> tuple[Transformer, Tokenizer]:
    """The model and tokenizer of a folder; whatever is no such folder raises UserError."""
    folder = Path(path)
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(f"no model at {folder}: a model folder holds config.json")
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    config = hf_config.from_hf(data)
    tokenizer = Tokenizer.load(folder)
    if tokenizer.vocab_size > config.vocab_size:
        raise UserError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, the model only "
            f"{config.vocab_size} rows: they don't belong together"
        )
    with torch.device("meta"):
        model = Transformer(config)
    state = _checked(model, _read_tensors(folder), folder)
    model.load_state_dict(state, assign=True)
    model.compute_dtype = compute_dtype
    return model.to(device), tokenizer


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    index = folder / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    tensors: dict[str, Tensor] = {}
    for name in names:
        file = folder / Path(name).name
        if not file.is_file():
            raise UserError(f"no weights at {file}: a model folder holds model.safetensors")
        try:
            tensors.update(load_file(file))
        except SafetensorError as error:
            raise UserError(f"{file} is not a safetensors file: {error}") from error
    return tensors


def _checked(model: Transformer, tensors: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """The model's tensors by its own names, in float32, every shape as the config says."""
    found = hf_tensors.from_hf(model.config, tensors)
    state = {}
    for name, parameter in model.state_dict().items():
        if name not in found:
            raise UserError(f"{folder}: tensor {name} is missing: config.json asks for it")
        if found[name].shape != parameter.shape:
            raise UserError(
                f"{folder}: tensor {name} has shape {tuple(found[name].shape)}, "
                f"config.json asks for {tuple(parameter.shape)}"
            )
        # A copy, in memory as torch takes it. Mapped from the file a tensor begins wherever the
        # file's header ends: products are others there, where a library asks how its arrays lie,
        # and writing over the file would change a model in use.
        form = torch.contiguous_format
        state[name] = found[name].to(torch.float32, copy=True, memory_format=form)
    return state
