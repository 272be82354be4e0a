"""Checkpoints of a run in which replicas hold the same shards: the first one writes, all read.

Same interface and files as `sharded_checkpoint`, each for the processes of one replica alone. So
what 2 x 2 processes wrote, 2 can read, or 3, or one.
"""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline.training import checkpoint, distribution, sharded_checkpoint, state
from pipeline.training.run_records import CheckpointMeta, Fingerprint, RunNotes
from pipeline.training.sharded import shard_group
from pipeline.training.sharding import AnyOptimizer
from storage.errors import UserError


class ReplicatedStore:
    """For a model that `sharding.shard` spread over each of several replicas.

    Args:
        model: after `sharding.shard`.
    """

    def __init__(self, model: nn.Module) -> None:
        parameter: Any = next(model.parameters())  # a DTensor
        self._group = shard_group(parameter)
        self._writes: bool = parameter.device_mesh.get_local_rank(0) == 0

    def writes(self) -> bool:
        """Whether this process is of the replica that writes."""
        return self._writes

    def snapshot(
        self, model: nn.Module, optimizer: AnyOptimizer, into: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """As `sharded_checkpoint.snapshot`."""
        with distribution.among(self._group):
            return sharded_checkpoint.snapshot(model, optimizer, into)

    def write(
        self,
        folder: Path,
        step: int,
        tensors: dict[str, Tensor],
        meta: CheckpointMeta,
        keep: checkpoint.Keep,
    ) -> None:
        """As `sharded_checkpoint.write`."""
        with distribution.among(self._group):
            sharded_checkpoint.write(folder, step, tensors, meta, keep)

    def restore(
        self,
        folder: Path,
        model: nn.Module,
        optimizer: AnyOptimizer,
        fingerprint: Fingerprint,
        order: state.Order = state.newest_first,
    ) -> tuple[int, RunNotes]:
        """As `sharded_checkpoint.restore`, in every replica.

        Raises:
            UserError: also where not all processes see the same checkpoints.
        """
        with distribution.among(self._group):
            step, notes = sharded_checkpoint.restore(folder, model, optimizer, fingerprint, order)
        device = next(model.parameters()).device
        first = distribution.broadcast_number(step, device)
        if distribution.any_true(step != first, device):  # nobody writes before all have read
            raise UserError(
                f"{folder}: not all processes see the same checkpoints: it must be on storage that"
                " all nodes share"
            )
        return step, notes

    def forget(self, folder: Path, after: int) -> None:
        """As `sharded_checkpoint.forget`."""
        with distribution.among(self._group):
            sharded_checkpoint.forget(folder, after)
