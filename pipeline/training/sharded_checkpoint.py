"""Checkpoints of a sharded run: a file from each process, readable by any number of processes.

Every process writes its rows and, last, a JSON that names them: a checkpoint exists when the JSONs
of all its processes do, so no process waits for another. A tensor is read back as any range of
rows, from the files that hold them. Same interface as `state`, for `loop.run(store=…)`; a run of
one process is the case where one file holds everything.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from pipeline.model import device as devices
from pipeline.training import checkpoint, distribution, state
from pipeline.training.run_records import CheckpointMeta, Fingerprint, RunNotes
from pipeline.training.sharded import is_sharded, local
from pipeline.training.sharding import AnyOptimizer, Piece, ShardedOptimizer, rows_of
from storage import durable
from storage.errors import UserError

_NAME = re.compile(r"checkpoint-(\d{9})\.(\d{5})-of-(\d{5})\.json")
RANDOM = "rng.cpu"  # the first process' random numbers; training itself draws none


class PartRecord(TypedDict):
    """The JSON beside a process' part of a checkpoint."""

    step: int
    sha256: str  # of the part's file
    meta: CheckpointMeta | dict[str, Any]  # empty but in the first process' part: it's kept once


def writes() -> bool:
    """Every process has its own part to write."""
    return True


def snapshot(
    model: nn.Module, optimizer: AnyOptimizer, into: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """A copy in host memory of what this process holds.

    Args:
        model: sharded or not.
        optimizer: of its parameters.
        into: an earlier copy, which is overwritten.
    """
    copies = {} if into is None else into
    for name, piece in _live(model, optimizer).items():
        if name not in copies:
            copies[name] = torch.empty_like(
                piece.tensor, device="cpu", pin_memory=devices.on_cuda(piece.tensor.device)
            )
        copies[name].copy_(piece.tensor, non_blocking=True)
        copies[_rows_name(name)] = torch.tensor([piece.first, piece.total])
    if devices.on_cuda(next(model.parameters()).device):
        torch.cuda.synchronize()
    return copies


def write(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    meta: CheckpointMeta,
    keep: checkpoint.Keep,
) -> None:
    """Write this process' part to disk; the first one deletes what `keep` leaves out.

    Args:
        folder: of the run's checkpoints, which all processes share.
        step: steps done.
        tensors: the snapshot.
        meta: what stands beside it, the same in every process.
        keep: which checkpoints stay.
    """
    rank, world = distribution.rank(), distribution.world()
    durable.make_folder(folder)
    name = f"checkpoint-{step:09d}.{rank:05d}-of-{world:05d}"
    leftovers = f".*.{rank:05d}-of-{world:05d}.*{durable.PART}"  # of a killed save
    for path in sorted(folder.glob(leftovers)):
        path.unlink(missing_ok=True)
    data, companion = folder / f"{name}.safetensors", folder / f"{name}.json"
    companion.unlink(missing_ok=True)
    with durable.written(data) as file:
        digest = hashlib.sha256()
        for piece in checkpoint.serialized(tensors):
            digest.update(piece)
            file.write(piece)
    record: PartRecord = {
        "step": step,
        "sha256": digest.hexdigest(),
        "meta": meta if rank == 0 else {},
    }
    durable.write_atomic(companion, json.dumps(record).encode())
    if rank == 0:
        found = sorted(_whole(folder))
        kept = keep(found)
        for old in sorted(_steps(folder)):
            if found and old < found[-1] and old not in kept:
                _remove(folder, old)


def restore(
    folder: Path,
    model: nn.Module,
    optimizer: AnyOptimizer,
    fingerprint: Fingerprint,
    order: state.Order = state.newest_first,
) -> tuple[int, RunNotes]:
    """Load the first whole checkpoint, of any number of processes.

    Args:
        folder: of the run's checkpoints, which all processes share and read.
        model: is changed in place.
        optimizer: likewise.
        fingerprint: of this run.
        order: in which checkpoints are tried.

    Returns:
        Steps done and notes; (-1, {}) if there is no checkpoint.

    Raises:
        UserError: a checkpoint is another run's, or lacks rows.
    """
    device = next(model.parameters()).device
    # The first process says what there is: the others' view of the folder may lag behind.
    listed = state.shared_json(sorted(_whole(folder).items()), device)
    worlds = {int(step): int(world) for step, world in listed}
    for step in order(sorted(worlds)):
        files = _files(folder, step, worlds[step])
        share = files[distribution.rank() :: distribution.world()]
        if distribution.any_true(not all(_is_undamaged(file) for file in share), device):
            continue
        meta: CheckpointMeta = json.loads(files[0].with_suffix(".json").read_bytes())["meta"]
        if meta["fingerprint"] != fingerprint:
            raise UserError(f"{folder} holds a checkpoint of a run with other settings: empty it")
        with _TensorReader(files) as reader:
            _adopt(model, optimizer, reader)
        if distribution.rank() == 0:
            forget(folder, step)  # parts of later ones must not pass for parts of new ones
        distribution.any_true(False, device)  # no process writes before that is done
        return step, meta["notes"]
    return -1, {}


def forget(folder: Path, after: int) -> None:
    """Delete the checkpoints of later steps: they belong to an abandoned course."""
    if distribution.rank() == 0:
        for step in sorted(_steps(folder)):
            if step > after:
                _remove(folder, step)


def _live(model: nn.Module, optimizer: AnyOptimizer) -> dict[str, Piece]:
    """Everything this process holds, by name."""
    pieces = {}
    for name, tensor in model.state_dict().items():
        if is_sharded(model):
            first, _ = rows_of(tensor.shape[0], distribution.rank(), distribution.world())
            pieces[f"model.{name}"] = Piece(local(tensor), first, tensor.shape[0])
        else:
            pieces[f"model.{name}"] = Piece(tensor, 0, tensor.shape[0])
    if isinstance(optimizer, ShardedOptimizer):
        held = optimizer.pieces()
    else:
        held = {k: Piece(t, 0, t.shape[0]) for k, t in optimizer.state_tensors().items()}
    pieces |= {f"optimizer.{name}": piece for name, piece in held.items()}
    if distribution.rank() == 0:
        numbers = torch.get_rng_state()
        pieces[RANDOM] = Piece(numbers, 0, numbers.shape[0])
    return pieces


@torch.no_grad()
def _adopt(model: nn.Module, optimizer: AnyOptimizer, reader: "_TensorReader") -> None:
    for name, tensor in model.state_dict().items():
        if is_sharded(model):
            first, end = rows_of(tensor.shape[0], distribution.rank(), distribution.world())
            local(tensor).copy_(reader.read(f"model.{name}", first, end - first))
        else:
            tensor.copy_(reader.read(f"model.{name}", 0, tensor.shape[0]))
    if isinstance(optimizer, ShardedOptimizer):
        optimizer.load(lambda name, first, rows: reader.read(f"optimizer.{name}", first, rows))
    else:
        names = optimizer.state_tensors()
        optimizer.load_state_tensors(
            {k: reader.read(f"optimizer.{k}", 0, t.shape[0]) for k, t in names.items()}
        )
    torch.set_rng_state(reader.read(RANDOM, 0, reader.total(RANDOM)))


class _TensorReader:
    """The tensors of one checkpoint, by rows, from all its files."""

    def __init__(self, files: list[Path]) -> None:
        self._handles = [safe_open(file, "pt") for file in files]
        self._pieces: dict[str, list[tuple[int, int, Any]]] = {}  # first row, total, file
        for handle in self._handles:
            for name in handle.keys():  # noqa: SIM118 (a handle is no dict)
                if not name.startswith(_rows_name("")):
                    first, total = handle.get_tensor(_rows_name(name)).tolist()
                    self._pieces.setdefault(name, []).append((first, total, handle))

    def total(self, name: str) -> int:
        """Rows of the whole tensor."""
        return self._pieces[name][0][1]

    def read(self, name: str, first: int, rows: int) -> Tensor:
        """Rows first .. first + rows of a tensor, joined from the files that hold them."""
        parts = []
        at, end = first, first + rows
        for begin, _, handle in sorted(self._pieces[name], key=lambda piece: piece[0]):
            held = handle.get_slice(name)
            stop = begin + held.get_shape()[0]
            if begin <= at < min(stop, end):
                parts.append(held[at - begin : min(stop, end) - begin])
                at = min(stop, end)
        if at < end:
            raise UserError(f"a checkpoint lacks rows {at} to {end} of {name}: delete it")
        return torch.cat(parts) if parts else self._empty(name)

    def _empty(self, name: str) -> Tensor:
        tensor: Tensor = self._pieces[name][0][2].get_tensor(name)
        return tensor[:0]

    def __enter__(self) -> "_TensorReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._handles.clear()
        self._pieces.clear()


def _rows_name(name: str) -> str:
    """The name under which a file holds a tensor's first row and its number of rows in all."""
    return f"rows.{name}"


def _files(folder: Path, step: int, world: int) -> list[Path]:
    stem = f"checkpoint-{step:09d}"
    return [folder / f"{stem}.{rank:05d}-of-{world:05d}.safetensors" for rank in range(world)]


def _whole(folder: Path) -> dict[int, int]:
    """Steps of which all parts are there, and how many processes wrote them."""
    found: dict[tuple[int, int], int] = {}
    for step, _, world in _parts(folder):
        found[step, world] = found.get((step, world), 0) + 1
    return {step: world for (step, world), count in sorted(found.items()) if count == world}


def _steps(folder: Path) -> set[int]:
    """Steps of which any file is there."""
    return {int(path.name[11:20]) for path in folder.glob("checkpoint-?????????.?????-of-*")}


def _parts(folder: Path) -> Iterator[tuple[int, int, int]]:
    for path in folder.glob("checkpoint-*.json"):
        match = _NAME.fullmatch(path.name)
        if match:
            yield int(match.group(1)), int(match.group(2)), int(match.group(3))


def _remove(folder: Path, step: int) -> None:
    """All files of a step, JSONs first."""
    paths = sorted(folder.glob(f"checkpoint-{step:09d}.*"), key=lambda path: path.suffix)
    for path in paths:
        path.unlink(missing_ok=True)


def _is_undamaged(file: Path) -> bool:
    try:
        record = json.loads(file.with_suffix(".json").read_bytes())
        if checkpoint.sha256(file) != record["sha256"]:
            return False
        with safe_open(file, "pt"):
            return True
    except (OSError, ValueError, KeyError, SafetensorError):
        return False
