"""The checkpoint manager of a training run: writes checkpoints beside it, and restores them.

A checkpoint is a copy in memory that a thread writes while training continues. When one is due
depends on the clock, which is safe because writing changes nothing; but a run that goes back must
always go back to the same state, so states at multiples of `anchor_steps` are written too. A full
disk is reported once; the earlier checkpoints stay and training continues.
"""

import bisect
import dataclasses
import functools
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

from torch import Tensor, nn

from pipeline.stage import Progress
from pipeline.training import distribution, state
from pipeline.training.checkpoint import Keep
from pipeline.training.optimizers import Optimizer
from pipeline.training.run_records import CheckpointMeta, Fingerprint, RunNotes
from storage.durable import is_disk_full
from storage.errors import UserError

ANCHORS = 3  # states a rollback can choose from: an earlier one when a later one doesn't help


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """When checkpoints are written and which stay; steps are numbers of steps done."""

    seconds: float  # wall seconds between checkpoints
    steps: int = 0  # and also every so many steps; 0 = by the clock alone
    keep: int = 2  # the newest so many
    keep_every: int = 0  # and those at multiples of so many steps, which are all written
    anchor_steps: int = 0  # likewise, the newest ANCHORS of them; 0 = no way back

    def fixed(self, step: int) -> bool:
        """Whether one is written at this step whatever the clock says."""
        every = (self.steps, self.keep_every, self.anchor_steps)
        return any(steps and step % steps == 0 for steps in every)

    def kept(self, steps: list[int], bests: Sequence[int] = ()) -> set[int]:
        """Which checkpoints stay.

        Args:
            steps: that have one.
            bests: steps of the validations that were the best when they were measured, if the best
                is to stay, in order. With a checkpoint stays that of the best before it: a run that
                goes back to it needs that one.
        """
        steps = sorted(steps)
        kept = set(steps[-max(1, self.keep) :])
        if self.keep_every:
            kept |= {step for step in steps if step and step % self.keep_every == 0}
        if self.anchor_steps:
            kept |= set([step for step in steps if step % self.anchor_steps == 0][-ANCHORS:])
        earlier = (bests[: bisect.bisect(bests, step)] for step in kept)
        wanted = {best for found in (*earlier, bests) for best in found[-1:]}
        return kept | wanted.intersection(steps)


class CheckpointStore(Protocol):
    """How a state is copied, written and read: `state`, or one that spreads it over processes.

    The functions are described in `state`.
    """

    def writes(self) -> bool: ...

    def snapshot(
        self, model: nn.Module, optimizer: Optimizer, into: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]: ...

    def write(
        self,
        folder: Path,
        step: int,
        tensors: dict[str, Tensor],
        meta: CheckpointMeta,
        keep: Keep,
    ) -> None: ...

    def restore(
        self,
        folder: Path,
        model: nn.Module,
        optimizer: Optimizer,
        fingerprint: Fingerprint,
        order: state.Order = ...,
    ) -> tuple[int, RunNotes]: ...

    def forget(self, folder: Path, after: int) -> None: ...


class CheckpointManager:
    """The checkpoints of one run in its scratch folder; on leaving, the last one is on disk.

    Args:
        folder: of the checkpoints.
        model: whose state is kept and restored in place.
        optimizer: likewise.
        fingerprint: of the run.
        rhythm: when checkpoints are written.
        progress: is told of a full disk.
        store: how a state is written.
    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        optimizer: Optimizer,
        fingerprint: Fingerprint,
        rhythm: Rhythm,
        progress: Progress,
        store: CheckpointStore = state,
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer
        self.fingerprint, self.rhythm = fingerprint, rhythm
        self.progress, self.store = progress, store
        self._copy: dict[str, Tensor] | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._full = False
        self._saved_at = time.monotonic()

    def resume(self) -> tuple[int, RunNotes]:
        """Restore the newest state; a fresh run's start is kept for rollbacks.

        Returns:
            Steps done and notes; (0, {}) for a fresh run.
        """
        step, notes = self._restore(state.newest_first)
        self._saved_at = time.monotonic()
        if step >= 0:
            return step, notes
        if self.rhythm.anchor_steps:
            self.save(0, {})
        return 0, {}

    def back(self, bound: int) -> tuple[int, RunNotes]:
        """Return to the newest anchor at or before step `bound`; later checkpoints are deleted.

        Returns:
            Steps done and notes.

        Raises:
            UserError: no anchor is left.
        """
        self._wait_for_all()
        anchor = self.rhythm.anchor_steps
        step, notes = self._restore(
            lambda steps: [s for s in reversed(steps) if s % anchor == 0 and s <= bound]
        )
        if step < 0:
            raise UserError(
                f"{self.folder}: no checkpoint at or before step {bound} is left to go back to"
                " (was the disk full?): empty the folder and run again"
            )
        if self.store.writes():
            self.store.forget(self.folder, step)
        return step, notes

    def take(self, step: int) -> None:
        """Return to the state after a step, which is the run's last act: the others stay.

        Raises:
            UserError: its checkpoint is not there, or damaged.
        """
        self._wait_for_all()
        found, _ = self._restore(lambda steps: [s for s in steps if s == step])
        if found < 0:
            raise UserError(
                f"{self.folder}: the checkpoint of step {step}, the best, is not there or damaged"
                " (was the disk full?): empty the folder and run again, or set keep_best=false"
            )

    @property
    def waited(self) -> bool:
        """Whether one is due by the clock: the first process' alone, so that all use the same."""
        return distribution.rank() == 0 and self._since_saved() >= self.rhythm.seconds

    @property
    def busy(self) -> bool:
        """Whether this process is still writing the last checkpoint: a new one would wait."""
        return self._thread is not None and self._thread.is_alive()

    def due(self, step: int, waited: bool, busy: bool) -> bool:
        """Whether a checkpoint is written now.

        Args:
            step: steps done.
            waited: whether `waited` is true in any process.
            busy: whether `busy` is.
        """
        return self.rhythm.fixed(step) or (waited and not busy)

    def save(self, step: int, notes: RunNotes, bests: Sequence[int] = ()) -> None:
        """Copy the state, in every process, and begin to write it.

        Args:
            step: steps done.
            notes: what stands beside the tensors.
            bests: as in `Rhythm.kept`.
        """
        self.wait()
        if self.store.writes():
            self._copy = self.store.snapshot(self.model, self.optimizer, self._copy)
            meta: CheckpointMeta = {"fingerprint": self.fingerprint, "notes": notes}
            keep = functools.partial(self.rhythm.kept, bests=bests)
            self._thread = threading.Thread(
                target=self._write, args=(step, self._copy, meta, keep), name="checkpoint"
            )
            self._thread.start()
        self._saved_at = time.monotonic()

    def wait(self) -> None:
        """Wait until the checkpoint is on disk; a full disk is reported once.

        Raises:
            BaseException: whatever else went wrong in the thread that wrote it.
        """
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        error, self._error = self._error, None
        if error is None:
            if self._full:
                self.progress.note("there is room for checkpoints again")
            self._full = False
        elif is_disk_full(error):
            if not self._full:
                self.progress.note(
                    f"disk full: no checkpoint could be written to {self.folder}; those before"
                    " stay, training goes on and tries again"
                )
            self._full = True
        else:
            raise error

    def __enter__(self) -> "CheckpointManager":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait()

    def _wait_for_all(self) -> None:
        """A shard that another process is still writing would make a checkpoint look unfinished."""
        self.wait()
        distribution.any_true(False, next(self.model.parameters()).device)

    def _since_saved(self) -> float:
        return time.monotonic() - self._saved_at

    def _write(
        self,
        step: int,
        tensors: dict[str, Tensor],
        meta: CheckpointMeta,
        keep: Keep,
    ) -> None:
        try:
            self.store.write(self.folder, step, tensors, meta, keep)
        except BaseException as error:  # raised again by `wait`, in the thread that trains
            self._error = error

    def _restore(self, order: state.Order) -> tuple[int, RunNotes]:
        return self.store.restore(self.folder, self.model, self.optimizer, self.fingerprint, order)
