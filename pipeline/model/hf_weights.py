"""The weights of a Hugging Face folder, one tensor at a time.

In: a folder (one file or several with an index) and its parsed config.json. Out: tensors of
float32, bf16, f16 or float64; those of the two quantised kinds that `hf_quantized` knows as the
float32 they stand for. Every other type is refused before any tensor is read.
"""

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pipeline.model.hf_quantized import SCALES, Scheme, scheme_of
from storage.errors import UserError
from storage.json_object import read_object

SINGLE = "model.safetensors"
INDEX = f"{SINGLE}.index.json"
FLOATS = ("F64", "F32", "F16", "BF16")  # as safetensors names them


class Tensors:
    """A folder's weights by their names in the files; `names` leaves out the quantisation scales.

    Args:
        folder: with one file of this name, or several and an index.
        config: the folder's parsed config.json.
        single: the name.

    Raises:
        UserError: a file is missing or unreadable, or holds a type that can't be read.
    """

    def __init__(self, folder: Path, config: dict[str, Any], single: str = SINGLE) -> None:
        self.folder = folder
        self.scheme = scheme_of(config)
        self._of: dict[str, Any] = {}
        self.metadata: dict[str, str] = {}  # what the files say of themselves
        for file in _files(folder, single):
            if not file.is_file():
                raise UserError(f"no weights at {file}: a model folder holds {single}")
            try:
                opened = safe_open(file, framework="pt")
            except SafetensorError as error:
                raise UserError(f"{file} is not a safetensors file: {_why(file, error)}") from error
            twice = sorted(self._of.keys() & set(opened.keys()))
            if twice:
                raise UserError(f"{folder}: tensor {twice[0]} is in two of the files")
            self._of |= dict.fromkeys(opened.keys(), opened)
            self.metadata |= opened.metadata() or {}
        scales = self._check_types()
        self.names = sorted(self._of.keys() - scales)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape, as it is stored."""
        return tuple(self._of[name].get_slice(name).get_shape())

    def size(self, name: str) -> int:
        """A tensor's number of elements."""
        return math.prod(self.shape(name))

    def read(self, name: str) -> Tensor:
        """The tensor as it is stored, or dequantised to float32."""
        stored = self._of[name].get_tensor(name)
        if self.scheme is None or self._type(name) != self.scheme.type:
            return stored
        scale = self._of[self.scheme.scale_of(name)].get_tensor(self.scheme.scale_of(name))
        return self.scheme.dequantize(name, stored, scale)

    def float32(self, name: str) -> Any:
        """The same as a float32 numpy array, for formats that torch doesn't write."""
        return self.read(name).to(torch.float32).numpy()

    def _type(self, name: str) -> str:
        return str(self._of[name].get_slice(name).get_dtype())

    def _check_types(self) -> set[str]:
        """The names of the scales that the scheme reads; all others must be plain weights."""
        used: set[str] = set()
        for name in self._of:
            type = self._type(name)
            if self.scheme is not None and type == self.scheme.type:
                used |= self._scale(name, self.scheme)
        for name in sorted(self._of.keys() - used):
            type = self._type(name)
            quantised = self.scheme is not None and type == self.scheme.type
            if type not in FLOATS and not quantised:
                scaled = f" ({SCALES} are read where config.json says quantization_config)"
                raise UserError(
                    f"{self.folder}: tensor {name} is of type {type}: weights are read as "
                    f"{', '.join(FLOATS)}{'' if self.scheme else scaled}"
                )
        return used

    def _scale(self, name: str, scheme: Scheme) -> set[str]:
        scale = scheme.scale_of(name)
        if scale not in self._of:
            raise UserError(f"{self.folder}: tensor {name} is quantised and has no {scale}")
        layout = scheme.layout_of(name)
        if layout in self._of:
            if self._of[layout].get_tensor(layout).any():
                raise UserError(f"{self.folder}: {layout} is of another layout than by rows")
            return {scale, layout}
        return {scale}


def _files(folder: Path, single: str) -> list[Path]:
    index = folder / INDEX
    if not index.is_file():
        return [folder / single]
    where = read_object(index).get("weight_map")
    if not isinstance(where, dict) or not where:
        raise UserError(f"{index} has no weight_map: it says which file holds which tensor")
    for name, file in where.items():
        if not isinstance(file, str) or Path(file).name != file:
            raise UserError(f"{index}: tensor {name} lies in {file!r}, and no file of this folder")
    return [folder / file for file in sorted(set(where.values()))]


def _why(file: Path, error: Exception) -> str:
    start = file.open("rb").read(64)
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, the file itself was not downloaded (git lfs pull)"
    return "it is empty" if not start else str(error)
