"""A model as a Hugging Face folder that others load without code of ours.

In: a model folder. Out: model.safetensors (f32, bf16 or f16), config.json, generation_config.json,
tokenizer.json, tokenizer_config.json with the chat template, and README.md, the model card, which
says how far transformers' logits were from ours when the folder was made.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline import model as models
from pipeline.export.hf_folder import token_ids
from pipeline.export.metadata import check_portable
from pipeline.model import Transformer, hf_tensors
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.json_object import read_object

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


@dataclasses.dataclass(frozen=True)
class Folder:
    """What was written."""

    folder: Path
    bytes: int
    parameters: int


def write(model: Transformer, tokenizer: Tokenizer, folder: Path, kind: str) -> Folder:
    """Write everything but the card.

    Args:
        model: what to write.
        tokenizer: the model's.
        folder: where to.
        kind: the weights' type, a key of TYPES.

    Raises:
        UserError: the type is unknown, or a weight is beyond its range.
    """
    if kind not in TYPES:
        raise UserError(f"a Hugging Face folder holds {', '.join(TYPES)}, not {kind}")
    check_portable(model.config)
    models.save(model, tokenizer, folder)
    config = read_object(folder / "config.json")
    if kind != "f32":
        state = hf_tensors.to_hf(model.config, model.state_dict())
        cast = {name: cast_weight(name, weight, TYPES[kind]) for name, weight in state.items()}
        save_file(cast, folder / "model.safetensors", metadata={"format": "pt"})
        config["torch_dtype"] = str(TYPES[kind]).removeprefix("torch.")
    generation = _generation(folder, config, tokenizer)
    config["bos_token_id"] = generation["bos_token_id"]  # GPT-2's class has a default, its own
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", generation)
    (folder / "model.safetensors").chmod(0o644)  # written for its owner alone
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Folder(folder, size, model.parameter_count)


def _generation(folder: Path, config: dict[str, Any], tokenizer: Tokenizer) -> dict[str, Any]:
    """generation_config.json: `generate` stops at the end of a turn or of a document."""
    ids = token_ids(folder, config, read_object(folder / "tokenizer.json"))
    ends = list(dict.fromkeys([ids.end, tokenizer.document_token]))
    return {
        "bos_token_id": ids.begin,
        "eos_token_id": ends if len(ends) > 1 else ends[0],
        "pad_token_id": ids.pad,
        "do_sample": False,
    }


def cast_weight(name: str, weight: Tensor, dtype: torch.dtype) -> Tensor:
    """A weight in the type that is stored.

    Raises:
        UserError: it is beyond the type's range.
    """
    cast = weight.detach().cpu().to(dtype).contiguous()
    if not cast.isfinite().all():
        raise UserError(f"tensor {name} has weights beyond {dtype}'s range: use --type bf16")
    return cast


def write_json(file: Path, data: dict[str, Any]) -> None:
    """Write a JSON object as people read it, the same bytes for the same object."""
    file.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
