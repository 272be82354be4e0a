"""Quantised weights whose values a formula defines exactly: how they become float32.

In: `quantization_config` of a config.json. Out: how its weights become floats. Two kinds are known:
`fp8` (8-bit floats times one scale a block, DeepSeek's and Qwen's; transformers calls the factor
`weight_scale_inv`) and bitsandbytes' int8 (a row's largest weight is 127; `SCB` holds it). Anything
else (GPTQ, AWQ, 4 bits, compressed-tensors …) is refused by name. Such a model's own kernels also
round activations, which is not done here: the weights are the same, the products more exact.
"""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from storage.errors import UserError

SCALES = "fp8 with weight_scale_inv and bitsandbytes int8 with SCB"
_INT8_MAX = 127
# Known keys of the table: the others say how activations are rounded and what was not quantised.
_FP8_KEYS = {"quant_method", "weight_block_size", "activation_scheme", "modules_to_not_convert",
             "ignored_layers", "fmt", "scale_fmt", "dequantize"}  # fmt: skip
_SUFFIX = ".weight"


@dataclasses.dataclass(frozen=True)
class Scheme:
    """How a folder's quantised weights are stored."""

    type: str  # of the weights, as safetensors names it
    block: tuple[int, int] | None  # rows and columns that share a scale; None: see dequantize

    def scale_of(self, weight: str) -> str:
        """The name of the tensor that holds the weight's scales."""
        stem = weight.removesuffix(_SUFFIX)
        return f"{stem}.weight_scale_inv" if self.type == "F8_E4M3" else f"{stem}.SCB"

    def layout_of(self, weight: str) -> str:
        """The name of the tensor, if there is one, that gives an int8 matrix's memory layout."""
        return f"{weight.removesuffix(_SUFFIX)}.weight_format"

    def dequantize(
        self,
        name: str,
        stored: Tensor,  # [out, in]
        scale: Tensor,  # int8: [out]; fp8: [blocks of out, blocks of in], or one number
    ) -> Tensor:  # [out, in] float32
        """The weights that a quantised tensor stands for; `name` is for the message.

        Raises:
            UserError: the shapes don't go together.
        """
        values, scale = stored.to(torch.float32), scale.to(torch.float32)
        if self.type == "I8":
            if values.ndim != 2 or scale.shape != values.shape[:1]:
                raise _misfit(name, stored, scale)
            return values * (scale / _INT8_MAX)[:, None]
        if scale.numel() == 1:
            return values * scale.reshape(())
        if self.block is None or values.ndim != 2:
            raise _misfit(name, stored, scale)
        rows, columns = self.block
        if scale.shape != (-(-values.shape[0] // rows), -(-values.shape[1] // columns)):
            raise _misfit(name, stored, scale)
        wide = scale.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
        return values * wide[: values.shape[0], : values.shape[1]]


def scheme_of(config: dict[str, Any]) -> Scheme | None:
    """How a folder's weights are quantised, from its parsed config.json; None if they aren't.

    Raises:
        UserError: a method or setting that can't be read.
    """
    said = config.get("quantization_config")
    if not said:
        return None
    if not isinstance(said, dict):
        raise UserError(f"config.json: quantization_config is {said!r}, and no table")
    if config.get("model_type") not in ("qwen3", "llama"):
        raise UserError("config.json has a quantization_config: read of qwen3 and llama alone")
    method = said.get("quant_method")
    if method == "fp8":
        return Scheme("F8_E4M3", _block(said))
    eight = said.get("load_in_8bit") is True and not said.get("load_in_4bit")
    if method in (None, "bitsandbytes") and eight:
        return Scheme("I8", None)
    raise UserError(
        f"config.json: weights are quantised by {method or 'an unnamed method'!r}"
        f"{' in 4 bits' if said.get('load_in_4bit') else ''}: {SCALES} can be read"
    )


def _block(said: dict[str, Any]) -> tuple[int, int] | None:
    strange = sorted(key for key, value in said.items() if value and key not in _FP8_KEYS)
    if strange:
        raise UserError(f"config.json: quantization_config has {strange[0]!r}, not known of fp8")
    if said.get("fmt") not in (None, "e4m3"):
        raise UserError(f"config.json: fp8 of format {said['fmt']!r}: e4m3 can be read")
    block = said.get("weight_block_size")
    if block is None:
        return None
    whole = isinstance(block, list) and len(block) == 2 and all(type(n) is int for n in block)
    if not whole or min(block) < 1:
        raise UserError(f"config.json: weight_block_size is {block!r}, and not two whole numbers")
    return block[0], block[1]


def _misfit(name: str, stored: Tensor, scale: Tensor) -> UserError:
    return UserError(
        f"tensor {name} of shape {tuple(stored.shape)} has scales of shape {tuple(scale.shape)}: "
        "they don't belong together"
    )
