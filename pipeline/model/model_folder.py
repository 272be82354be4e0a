"""A model folder as Hugging Face lays it out: model.safetensors, config.json, the tokenizer.

`transformers.AutoModelForCausalLM.from_pretrained` loads what `save` writes, with equal logits (the
speedrun family apart), and `load` reads Qwen3, Llama and GPT-2 folders (see `hf_weights`). Weights
are kept and stored in float32. A tensor that the family has no place for is refused by name.
"""

import json
from pathlib import Path

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
    config = hf_config.to_hf(model.config)
    ends = tokenizer.stop_tokens
    if tokenizer.has_conversation_tokens:
        # The first is what a reply ends with; a folder of another project keeps its other ends.
        stop = tokenizer.special("<|im_end|>")
        ends = ends if stop in ends else (stop,)
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
        return model, _tokenizer(folder, model.config.vocab_size)
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(f"no model at {folder}: a model folder holds config.json")
    data = read_object(file)
    config = hf_config.from_hf(data)
    tokenizer = _tokenizer(folder, config.vocab_size)
    with torch.device("meta"):
        model = Transformer(config)
    stored = Tensors(folder, data)
    hf_tensors.check_names(config, stored.names, folder)
    state = _checked(model, {name: stored.read(name) for name in stored.names}, folder)
    model.load_state_dict(state, assign=True)
    model.compute_dtype = compute_dtype
    return model.to(device), tokenizer


def _tokenizer(folder: Path, rows: int) -> Tokenizer:
    """The folder's tokenizer, for a model of so many rows."""
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
