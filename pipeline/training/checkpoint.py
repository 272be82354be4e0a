"""Checkpoints that survive a kill at any moment: safetensors and a JSON, the newest two kept.

A file is written beside its place, synced and renamed, so a name that exists is whole unless the
disk lied; its SHA-256 stands in the name's companion JSON and `load_newest` passes over one that
doesn't match. Nothing is ever unpickled.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

KEEP = 2
_NAME = re.compile(r"checkpoint-(\d{9})\.json")


class Checkpoint(NamedTuple):
    """What `save` was given."""

    step: int
    tensors: dict[str, Tensor]
    meta: dict[str, Any]


def save(folder: Path, step: int, tensors: dict[str, Tensor], meta: dict[str, Any]) -> Path:
    """Write the checkpoint of `step` (steps done so far); afterwards only the newest two are left.

    `meta` is JSON; floats come back bit for bit, NaN and infinity included.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # a leftover of a killed save
        for path in sorted(folder.glob("*.part")):
            path.unlink()
    data = safetensors.torch.save({k: t.detach().cpu().contiguous() for k, t in tensors.items()})
    _write(folder / f"checkpoint-{step:09d}.safetensors", data)
    # The JSON comes last: it is what makes the checkpoint exist.
    record = {"step": step, "sha256": hashlib.sha256(data).hexdigest(), "meta": meta}
    path = folder / f"checkpoint-{step:09d}.json"
    _write(path, json.dumps(record).encode())
    for old in _steps(folder)[KEEP:]:
        remove(folder, old)
    return path


def load_newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint, or None; a damaged one is passed over for the one before."""
    for step in _steps(folder):
        checkpoint = _load(folder, step)
        if checkpoint is not None:
            return checkpoint
    return None


def remove(folder: Path, step: int) -> None:
    """Delete one checkpoint, its JSON first."""
    for suffix in ("json", "safetensors"):
        (folder / f"checkpoint-{step:09d}.{suffix}").unlink(missing_ok=True)


def _load(folder: Path, step: int) -> Checkpoint | None:
    try:
        record = json.loads((folder / f"checkpoint-{step:09d}.json").read_bytes())
        data = (folder / f"checkpoint-{step:09d}.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            return None
        return Checkpoint(record["step"], safetensors.torch.load(data), record["meta"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None  # damaged: the caller goes on to an older one


def _steps(folder: Path) -> list[int]:
    """Steps that have a checkpoint, newest first."""
    return sorted(_found(folder), reverse=True)


def _found(folder: Path) -> Iterator[int]:
    for path in folder.glob("checkpoint-*.json"):
        match = _NAME.fullmatch(path.name)
        if match:
            yield int(match.group(1))


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
