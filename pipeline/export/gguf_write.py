"""A Hugging Face folder as one GGUF file, for llama.cpp and programs built on it.

In: a folder as `pipeline.model.save` leaves it, or another program's of family qwen3, llama or
gpt2. Out: the file, the same bytes each time. Vectors and learned positions stay float32; a matrix
whose rows are no multiple of 32 stays f16 in a q8_0 file: both as llama.cpp's own converter does.
Tensors are read, converted and written one at a time: only one is in memory.
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, LlamaFileType

from pipeline.export import tensor_names, vocabulary
from pipeline.export.hf_folder import template, token_ids, without_marks
from pipeline.export.metadata import check, rope_factors, to_keys
from pipeline.model import ModelConfig, hf_tensors
from pipeline.model.hf_config import from_hf
from pipeline.model.hf_weights import Tensors
from storage import durable
from storage.errors import UserError
from storage.json_object import read_object

TYPES = {
    "f32": (GGMLQuantizationType.F32, LlamaFileType.ALL_F32),
    "f16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "bf16": (GGMLQuantizationType.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}
_ALWAYS_FLOAT32 = ("position_embd.weight", tensor_names.ROPE_FACTORS)
_Q8_BLOCK = 32  # weights that share a scale
_F16_MAX = float(np.finfo(np.float16).max)


@dataclasses.dataclass(frozen=True)
class Written:
    """The file that was written."""

    file: Path
    bytes: int
    parameters: int
    tensors: dict[str, int]  # how many of each type, with the f16 ones of a q8_0 file


def write(folder: Path, file: Path, kind: str, name: str) -> Written:
    """Write a GGUF file, completely or not at all.

    Args:
        folder: the model's.
        file: where to.
        kind: the matrices' type, a key of TYPES.
        name: of the model, as users of the file see it.

    Raises:
        UserError: GGUF can't hold this model or type.
    """
    if kind not in TYPES:
        raise UserError(f"unknown type {kind!r}: one of {', '.join(TYPES)}")
    data = read_object(folder / "config.json")
    config = from_hf(data)
    check(config)
    tensors = Tensors(folder, data)
    hf_tensors.check_names(config, tensors.names, folder)
    plan = list(_plan(tensors, config, kind))
    keys = _keys(folder, data, config, kind, name)
    with durable.written_by_name(file) as part:
        writer = gguf.GGUFWriter(part, config.family)
        for key, value in keys.items():
            _add(writer, key, value)
        for row in plan:
            writer.add_tensor_info(row.name, row.stored, row.dtype, row.bytes, raw_dtype=row.type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for row in plan:
            writer.write_tensor_data(_data(row, tensors, config))
        writer.close()
    counts: dict[str, int] = {}
    for row in plan:
        counts[row.type.name.lower()] = counts.get(row.type.name.lower(), 0) + 1
    parameters = sum(tensors.size(row.source) for row in plan if row.source)
    return Written(file, file.stat().st_size, parameters, dict(sorted(counts.items())))


@dataclasses.dataclass(frozen=True)
class _Row:
    """A tensor to be written."""

    source: str  # Hugging Face's name; empty: computed here
    name: str
    type: GGMLQuantizationType
    stored: tuple[int, ...]  # in elements, or in bytes where the type packs them
    dtype: Any
    bytes: int


def _plan(tensors: Tensors, config: ModelConfig, kind: str) -> Iterator[_Row]:
    if (factors := rope_factors(config)) is not None:
        yield _row("", tensor_names.ROPE_FACTORS, factors.shape, "f32")
    for source in sorted(tensors.names, key=_by_layer):
        if hf_tensors.is_buffer(source) or (source == "lm_head.weight" and config.tie_embeddings):
            continue
        # Names and shapes without reading: a tensor without memory is renamed.
        ghost = np.broadcast_to(np.float32(0), tensors.shape(source))
        name, turned = tensor_names.to_gguf(source, ghost, config)
        yield _row(source, name, turned.shape, kind)


def _row(source: str, name: str, shape: tuple[int, ...], kind: str) -> _Row:
    type = TYPES[kind][0]
    if len(shape) == 1 or name in _ALWAYS_FLOAT32:
        type = GGMLQuantizationType.F32
    elif kind == "q8_0" and shape[-1] % _Q8_BLOCK:
        type = GGMLQuantizationType.F16
    if type == GGMLQuantizationType.F32:
        return _Row(source, name, type, shape, np.float32, 4 * int(np.prod(shape)))
    if type == GGMLQuantizationType.F16:
        return _Row(source, name, type, shape, np.float16, 2 * int(np.prod(shape)))
    stored = gguf.quant_shape_to_byte_shape(shape, type)
    return _Row(source, name, type, stored, np.uint8, int(np.prod(stored)))


def _data(row: _Row, tensors: Tensors, config: ModelConfig) -> np.ndarray:
    if not row.source:
        factors = rope_factors(config)
        assert factors is not None
        return factors
    values = tensor_names.to_gguf(row.source, tensors.float32(row.source), config)[1]
    if row.type == GGMLQuantizationType.F16 and np.abs(values).max(initial=0) > _F16_MAX:
        raise UserError(f"tensor {row.source} has weights beyond f16's range: use --type bf16")
    return gguf.quantize(np.ascontiguousarray(values), row.type)


def _keys(
    folder: Path, data: dict[str, Any], config: ModelConfig, kind: str, name: str
) -> dict[str, Any]:
    """Every key of the file, in its order."""
    tokenizer_file = folder / "tokenizer.json"
    tokenizer = read_object(tokenizer_file)
    words = vocabulary.from_tokenizer_json(tokenizer, config.vocab_size, tokenizer_file)
    ids = token_ids(folder, data, tokenizer)
    keys: dict[str, Any] = {
        "general.type": "model",
        "general.name": name,
        "general.file_type": int(TYPES[kind][1]),
        "general.quantization_version": gguf.GGML_QUANT_VERSION,
        **to_keys(config),
        "tokenizer.ggml.model": "gpt2",  # GGUF's word for any byte-level BPE
        "tokenizer.ggml.pre": words.split,
        "tokenizer.ggml.tokens": words.tokens,
        "tokenizer.ggml.token_type": words.types,
        "tokenizer.ggml.merges": words.merges,
        "tokenizer.ggml.bos_token_id": ids.begin,
        "tokenizer.ggml.eos_token_id": ids.end,
        "tokenizer.ggml.padding_token_id": ids.pad,
        "tokenizer.ggml.add_bos_token": ids.add_begin,
    }
    if (chat := template(folder)) is not None:
        # Which token ends a turn is otherwise guessed from a list of names.
        keys["tokenizer.ggml.eot_token_id"] = ids.end
        keys["tokenizer.chat_template"] = without_marks(chat)
    return keys


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def _by_layer(name: str) -> list[tuple[int, str]]:
    """Names in the order a reader of the file walks the layers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"\.", name)]
