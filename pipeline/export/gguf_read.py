"""A GGUF file as a Hugging Face folder, and from there as a model of this project.

In: a file of family qwen3, llama or gpt2, from here or from llama.cpp, any of ggml's types. Out: a
folder that `pipeline.model.load` reads, weights as float32: exact for f32, f16 and bf16; quantised
weights become the values that llama.cpp computes with.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import TokenType
from safetensors.torch import save_file

from pipeline import model as models
from pipeline.export import tensor_names, vocabulary
from pipeline.export.metadata import from_keys
from pipeline.model import ModelConfig, Transformer
from pipeline.model.hf_config import to_hf
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

SUFFIX = ".gguf"


def load(
    path: Path | str,
    device: torch.device | str = "cpu",
    compute_dtype: torch.dtype = torch.float32,
) -> tuple[Transformer, Tokenizer]:
    """The model and tokenizer of a folder or of a .gguf file; see `pipeline.model.load`."""
    if Path(path).suffix != SUFFIX:
        return models.load(path, device, compute_dtype)
    with tempfile.TemporaryDirectory(prefix="crawl2chat-gguf-") as folder:
        to_folder(Path(path), Path(folder))
        return models.load(folder, device, compute_dtype)


def load_tokenizer(path: Path | str) -> Tokenizer:
    """The tokenizer alone: the weights are not read."""
    if Path(path).suffix != SUFFIX:
        return Tokenizer.load(path)
    with tempfile.TemporaryDirectory(prefix="crawl2chat-gguf-") as folder:
        to_folder(Path(path), Path(folder), weights=False)
        return Tokenizer.load(folder)


def to_folder(file: Path, folder: Path, weights: bool = True) -> None:
    """Write a GGUF file's content as config.json, model.safetensors and the tokenizer's files.

    Args:
        file: the GGUF file.
        folder: where to.
        weights: whether model.safetensors is wanted.

    Raises:
        UserError: the file is unreadable or asks for something that is not built here.
    """
    reader = _open(file)
    keys = {name: field.contents() for name, field in reader.fields.items()}
    if keys.get("split.count", 1) > 1:
        raise UserError(f"{file} is one part of several: join them by `llama-gguf-split --merge`")
    words = _vocabulary(keys, file)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    factors = stored.pop(tensor_names.ROPE_FACTORS, None)
    config = from_keys(
        str(keys.get("general.architecture")),
        keys,
        rows=len(words.tokens),
        tied="output.weight" not in stored,
        factors=None if factors is None else np.array(factors.data),
    )
    folder.mkdir(parents=True, exist_ok=True)
    if weights:
        _write_weights(stored, config, folder / "model.safetensors")
    _write(folder / "config.json", _config(config, keys))
    _write(folder / "tokenizer.json", vocabulary.to_tokenizer_json(words))
    _write(folder / "tokenizer_config.json", _tokenizer_config(words, keys))


def _write_weights(stored: dict[str, Any], config: ModelConfig, file: Path) -> None:
    weights = {}
    for name, tensor in stored.items():
        try:
            values = gguf.dequantize(tensor.data, tensor.tensor_type)
        except NotImplementedError as error:
            raise UserError(f"tensor {name} is of an unknown type: {error}") from error
        renamed, turned = tensor_names.to_huggingface(name, values, config)
        # a copy: the file's own memory must not outlive it
        weights[renamed] = torch.from_numpy(np.array(turned, dtype=np.float32, order="C"))
    save_file(weights, file, metadata={"format": "pt"})


def _open(file: Path) -> gguf.GGUFReader:
    if not file.is_file():
        raise UserError(f"no file {file}")
    try:
        return gguf.GGUFReader(file)
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is no whole GGUF file: {error}") from error


def _vocabulary(keys: dict[str, Any], file: Path) -> vocabulary.Vocabulary:
    kind = keys.get("tokenizer.ggml.model")
    if kind != "gpt2":  # GGUF's word for byte-level BPE
        raise UserError(f"{file}: tokenizer of kind {kind!r}: only byte-level BPE can be loaded")
    tokens = keys.get("tokenizer.ggml.tokens")
    if not tokens:
        raise UserError(f"{file} has no vocabulary in it: llama.cpp's converter writes one")
    # llama.cpp then uses a default pre-tokenizer and warns of degraded quality.
    if "tokenizer.ggml.pre" not in keys:
        raise UserError(
            f"{file} has no tokenizer.ggml.pre, which says how text is split: convert the model "
            "again with a newer llama.cpp, or load its Hugging Face folder"
        )
    return vocabulary.Vocabulary(
        tokens=tokens,
        types=keys.get("tokenizer.ggml.token_type") or [int(TokenType.NORMAL)] * len(tokens),
        merges=keys.get("tokenizer.ggml.merges") or [],
        split=vocabulary.named_split(keys["tokenizer.ggml.pre"], file),
    )


def _config(config: ModelConfig, keys: dict[str, Any]) -> dict[str, Any]:
    named = {"bos": "bos", "eos": "eos", "pad": "padding"}
    ids = {f"{ours}_token_id": keys.get(_id_key(theirs)) for ours, theirs in named.items()}
    # llama.cpp also stops at the end of a turn and of a message.
    ends = [ids["eos_token_id"], *(keys.get(_id_key(kind)) for kind in ("eot", "eom"))]
    ends = list(dict.fromkeys(id for id in ends if id is not None))
    if len(ends) > 1:
        ids["eos_token_id"] = ends
    return to_hf(config) | {name: id for name, id in ids.items() if id is not None}


def _tokenizer_config(words: vocabulary.Vocabulary, keys: dict[str, Any]) -> dict[str, Any]:
    def name(kind: str) -> str | None:
        id = keys.get(_id_key(kind))
        return words.tokens[id] if id is not None and id < len(words.tokens) else None

    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": bool(keys.get("tokenizer.ggml.add_bos_token", False)),
        "bos_token": name("bos"),
        "eos_token": name("eos"),
        "pad_token": name("padding"),
        "unk_token": None,
    }
    chat = keys.get("tokenizer.chat_template")
    return config if chat is None else config | {"chat_template": chat}


def _id_key(kind: str) -> str:
    return f"tokenizer.ggml.{kind}_token_id"


def _write(file: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=2, sort_keys=file.name != "tokenizer.json", ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
