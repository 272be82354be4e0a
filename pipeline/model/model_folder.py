"""A model folder as Hugging Face lays it out: model.safetensors, config.json, the tokenizer.

`transformers.AutoModelForCausalLM.from_pretrained` loads what `save` writes, with equal logits (the
speedrun family apart), and `load` reads Qwen3, Llama and GPT-2 folders (see `hf_weights`). Weights
are kept and stored in float32. A tensor that the family has no place for is refused by name.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.model import hf_config, hf_tensors, peft_folder
from pipeline.model.hf_weights import Tensors
from pipeline.model.transformer import Transformer
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.json_object import read_object


def save(model: Transformer, tokenizer: Tokenizer, folder: Path | str) -> None:
    """Write the model, in float32, and its tokenizer into `folder`, which is made if need be.

    Raises:
        ValueError: the tokenizer has more tokens than the model has rows.
    """
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
    write_beside(hf_config.to_hf(model.config), tokenizer, out)


def write_beside(config: dict[str, Any], tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer, and config.json with the ids that others need of it.

    Args:
        config: of the model, as `hf_config.to_hf` gives it.
        tokenizer: the model's.
        folder: that exists.
    """
    ends = tokenizer.stop_tokens
    if tokenizer.has_conversation_tokens:
        # The first is what a reply ends with; a folder of another project keeps its other ends.
        stop = tokenizer.special("<|im_end|>")
        ends = ends if stop in ends else (stop,)
    ids = {
        "eos_token_id": ends[0] if len(ends) == 1 else list(ends),
        "pad_token_id": tokenizer.document_token,
    }
    text = json.dumps(config | ids, indent=2, sort_keys=True)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    tokenizer.save(folder)


def load(
    path: Path | str,
    device: torch.device | str = "cpu",
    compute_dtype: torch.dtype = torch.float32,
) -> tuple[Transformer, Tokenizer]:
    """Load the model and the tokenizer of a folder.

    Args:
        path: a folder of Hugging Face's layout, or a LoRA's of PEFT's, which names its base.
        device: where the float32 weights go.
        compute_dtype: what matrix products run in.

    Raises:
        UserError: it is no such folder, or holds what this code would compute differently.
    """
    folder = Path(path)
    if peft_folder.is_adapter(folder):
        model, tokenizer = load(peft_folder.base_of(folder), device, compute_dtype)
        peft_folder.apply(model, folder)
        return model, tokenizer_of(folder, model.config.vocab_size)
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(f"no model at {folder}: a model folder holds config.json")
    data = read_object(file)
    config = hf_config.from_hf(data)
    tokenizer = tokenizer_of(folder, config.vocab_size)
    with torch.device("meta"):
        model = Transformer(config)
    model.load_state_dict(read_weights(model, folder, data)[0], assign=True)
    model.compute_dtype = compute_dtype
    return model.to(device), tokenizer


def read_weights(
    model: Transformer, folder: Path, data: dict[str, Any], beside: Sequence[str] = ()
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A folder's weights in float32: the model's by its own names, and those that stand beside it.

    Args:
        model: of the folder's shape; only its names and shapes are looked at.
        folder: of Hugging Face's layout.
        data: its parsed config.json.
        beside: names in the file of what isn't the transformer's, such as another head.

    Raises:
        UserError: a weight is missing, of another shape, or of a name that has no place.
    """
    stored = Tensors(folder, data)
    missing = next((name for name in beside if name not in stored.names), None)
    if missing is not None:
        raise UserError(f"{folder}: tensor {missing} is missing")
    names = [name for name in stored.names if name not in beside]
    hf_tensors.check_names(model.config, names, folder)
    state = _checked(model, {name: stored.read(name) for name in names}, folder)
    return state, {name: stored.read(name).to(torch.float32, copy=True) for name in beside}


def tokenizer_of(folder: Path, rows: int) -> Tokenizer:
    """The folder's tokenizer, for a model of so many rows.

    Raises:
        UserError: it has more tokens than the model has rows.
    """
    tokenizer = Tokenizer.load(folder)
    if tokenizer.vocab_size > rows:
        raise UserError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, the model only "
            f"{rows} rows: they don't belong together"
        )
    return tokenizer


def _checked(model: Transformer, tensors: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """The model's tensors by its own names, in float32, every shape as the config says."""
    found = hf_tensors.from_hf(model.config, tensors)
    head = found.get(hf_tensors.HEAD)
    if model.config.tie_embeddings and head is not None:
        embedding = found["embed_tokens.weight"]
        if head.shape != embedding.shape or not torch.equal(head, embedding):
            raise UserError(
                f"{folder}: {hf_tensors.HEAD} is another matrix than the embedding, and "
                "config.json ties the two: set tie_word_embeddings to false there"
            )
    state = {}
    for name, parameter in model.state_dict().items():
        if found[name].shape != parameter.shape:
            raise UserError(
                f"{folder}: tensor {name} has shape {tuple(found[name].shape)}, "
                f"config.json asks for {tuple(parameter.shape)}"
            )
        # A copy, aligned as torch aligns memory. Mapped from the file, a tensor begins wherever the
        # file's header ends: where a library chooses its kernel by alignment, products would differ
        # in their last bits, and writing over the file would change a model in use.
        form = torch.contiguous_format
        state[name] = found[name].to(torch.float32, copy=True, memory_format=form)
    return state
