"""Checkpoints that survive a kill at any moment: a safetensors file and a JSON of one name each.

A file is written beside its place, synced and renamed, so a name that exists is whole unless the
disk lied; its SHA-256 stands in the JSON, which is written last, and a checkpoint that doesn't
match is passed over. Tensors go to disk one by one: no second copy of a state is ever in memory.
Nothing is ever unpickled.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from storage import durable

KEEP = 2
CHUNK_BYTES = 1 << 22
_NAME = re.compile(r"checkpoint-(\d{9})\.json")
_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}

Keep = Callable[[list[int]], set[int]]  # of the steps that have a checkpoint, those to keep


class Checkpoint(NamedTuple):
    """What `save` was given."""

    step: int
    tensors: dict[str, Tensor]
    meta: dict[str, Any]


def newest_two(steps: list[int]) -> set[int]:
    """The plain rule of what stays."""
    return set(sorted(steps)[-KEEP:])


def save(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    meta: dict[str, Any],
    keep: Keep = newest_two,
) -> Path:
    """Write the checkpoint of `step` (steps done so far), then delete those that `keep` leaves out.

    `meta` is JSON; floats come back bit for bit, NaN and infinity included.
    """
    durable.make_folder(folder)
    for path in sorted(folder.glob(f".checkpoint-*{durable.PART}")):  # leftovers of a killed save
        path.unlink(missing_ok=True)
    # One of the same step may be of an abandoned course: its JSON must not speak for new tensors.
    _path(folder, step, "json").unlink(missing_ok=True)
    with durable.written(_path(folder, step, "safetensors")) as file:
        digest = hashlib.sha256()
        for piece in serialized(tensors):
            digest.update(piece)
            file.write(piece)
    # The JSON comes last: it is what makes the checkpoint exist.
    record = {"step": step, "sha256": digest.hexdigest(), "meta": meta}
    path = _path(folder, step, "json")
    durable.write_atomic(path, json.dumps(record).encode())
    found = steps(folder)
    kept = keep(found)
    for old in found:
        if old not in kept:
            remove(folder, old)
    return path


def load(folder: Path, step: int) -> Checkpoint | None:
    """The checkpoint of a step; None where it is absent or damaged."""
    data = _path(folder, step, "safetensors")
    try:
        record = json.loads(_path(folder, step, "json").read_bytes())
        if sha256(data) != record["sha256"]:
            return None
        return Checkpoint(record["step"], safetensors.torch.load_file(data), record["meta"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None  # damaged: the caller goes on to an older one


def steps(folder: Path) -> list[int]:
    """Steps that have a checkpoint, in order."""
    names = (_NAME.fullmatch(path.name) for path in folder.glob("checkpoint-*.json"))
    return sorted(int(match.group(1)) for match in names if match)


def remove(folder: Path, step: int) -> None:
    """Delete one checkpoint, its JSON first."""
    for suffix in ("json", "safetensors"):
        _path(folder, step, suffix).unlink(missing_ok=True)


def _path(folder: Path, step: int, suffix: str) -> Path:
    return folder / f"checkpoint-{step:09d}.{suffix}"


def sha256(path: Path) -> str:
    """Of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def serialized(tensors: dict[str, Tensor]) -> Iterator[Any]:
    """A safetensors file in pieces: the header's length, the header, each tensor's bytes.

    Large elements come first, as the format's own writer lays them out, so that all are aligned.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {}
    at = 0
    for name in names:
        tensor = tensors[name]
        end = at + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, end],
        }
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in names:
        flat = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        for part in flat.split(CHUNK_BYTES):
            yield part.numpy()
