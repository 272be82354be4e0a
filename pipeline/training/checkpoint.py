"""Checkpoints that survive a kill at any moment: a safetensors file and a JSON of one name each.

A file is written under another name, synced and renamed, so a name that exists is whole unless the
disk lost data; its SHA-256 is in the JSON, which is written last, and a checkpoint that doesn't
match is passed over. Tensors go to disk one by one: no second copy of a state is ever in memory.
Nothing is ever unpickled.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from pipeline.training.run_records import CheckpointMeta
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

# From the steps that have a checkpoint to those that stay.
Keep = Callable[[list[int]], set[int]]


class Checkpoint(NamedTuple):
    """What `save` was given."""

    step: int
    tensors: dict[str, Tensor]
    meta: CheckpointMeta


class CheckpointRecord(TypedDict):
    """The JSON beside a checkpoint's tensors."""

    step: int
    sha256: str  # of the tensors' file
    meta: CheckpointMeta


class TensorHeader(TypedDict):
    """What safetensors says of a tensor."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]  # first byte and the one after the last, from the end of the header


def newest_two(steps: list[int]) -> set[int]:
    """The default rule of which checkpoints stay."""
    return set(sorted(steps)[-KEEP:])


def save(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    meta: CheckpointMeta,
    keep: Keep = newest_two,
) -> Path:
    """Write a checkpoint, then delete those that `keep` leaves out.

    Args:
        folder: of the run's checkpoints, created if absent.
        step: steps done so far.
        tensors: by name.
        meta: JSON; floats come back bit for bit, NaN and infinity included.
        keep: which stay.

    Returns:
        The JSON's path.
    """
    durable.make_folder(folder)
    for path in sorted(folder.glob(f".checkpoint-*{durable.PART}")):  # leftovers of a killed save
        path.unlink(missing_ok=True)
    # One of the same step may be of an abandoned course: its JSON must not vouch for new tensors.
    _path(folder, step, "json").unlink(missing_ok=True)
    with durable.written(_path(folder, step, "safetensors")) as file:
        digest = hashlib.sha256()
        for piece in serialized(tensors):
            digest.update(piece)
            file.write(piece)
    # The JSON comes last: it is what makes the checkpoint exist.
    record: CheckpointRecord = {"step": step, "sha256": digest.hexdigest(), "meta": meta}
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
        record: CheckpointRecord = json.loads(_path(folder, step, "json").read_bytes())
        if sha256(data) != record["sha256"]:
            return None
        return Checkpoint(record["step"], safetensors.torch.load_file(data), record["meta"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None  # damaged: the caller tries an older one


def steps(folder: Path) -> list[int]:
    """The steps that have a checkpoint, in order."""
    names = (_NAME.fullmatch(path.name) for path in folder.glob("checkpoint-*.json"))
    return sorted(int(match.group(1)) for match in names if match)


def remove(folder: Path, step: int) -> None:
    """Delete one checkpoint, its JSON first."""
    for suffix in ("json", "safetensors"):
        _path(folder, step, suffix).unlink(missing_ok=True)


def _path(folder: Path, step: int, suffix: str) -> Path:
    return folder / f"checkpoint-{step:09d}.{suffix}"


def sha256(path: Path) -> str:
    """The hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def serialized(tensors: dict[str, Tensor]) -> Iterator[bytes | memoryview]:
    """A safetensors file in pieces of bytes: the header's length, the header, each tensor's data.

    Large elements come first, as the format's own writer orders them, so that all are aligned.

    Args:
        tensors: by name, on any device.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, TensorHeader] = {}
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
            yield part.numpy().data
