"""Keeps a training run safe: writes its checkpoints beside the training, and finds the way back.

A checkpoint is a copy in memory that a thread writes while training goes on. When one is due
depends on the clock, which is safe because writing changes nothing; but a run that goes back must
always go back to the same state, so states at multiples of `anchor_steps` are written too. A full
disk is said once; the checkpoints before stay and training goes on.
"""

import dataclasses
import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from torch import Tensor, nn

from pipeline.stage import Progress
from pipeline.training import distribution, state
from pipeline.training.optimizers import Optimizer
from storage.durable import is_disk_full
from storage.errors import UserError

ANCHORS = 3  # states a rollback can choose from; one behind another when it does not help at once


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """When checkpoints are written, and which stay."""

    seconds: float  # wall seconds between checkpoints
    steps: int = 0  # and also every so many steps; 0 = by the clock alone
    keep: int = 2  # the newest so many
    keep_every: int = 0  # and those at multiples of so many steps, which are all written
    anchor_steps: int = 0  # likewise, the newest ANCHORS of them; 0 = no way back

    def fixed(self, step: int) -> bool:
        """Whether one is written at this step whatever the clock says."""
        every = (self.steps, self.keep_every, self.anchor_steps)
        return any(steps and step % steps == 0 for steps in every)

    def kept(self, steps: list[int], best: int | None) -> set[int]:
        """Of the steps that have a checkpoint, those that stay."""
        steps = sorted(steps)
        kept = set(steps[-max(1, self.keep) :]) | {step for step in steps if step == best}
        if self.keep_every:
            kept |= {step for step in steps if step and step % self.keep_every == 0}
        if self.anchor_steps:
            kept |= set([step for step in steps if step % self.anchor_steps == 0][-ANCHORS:])
        return kept


class CheckpointStore(Protocol):
    """How a state is taken, written and read: `state`, or a module that spreads it over ranks."""

    def writes(self) -> bool: ...

    def snapshot(
        self, model: nn.Module, optimizer: Optimizer, into: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]: ...

    def write(
        self,
        folder: Path,
        step: int,
        tensors: dict[str, Tensor],
        meta: dict[str, Any],
        keep: Callable[[list[int]], set[int]],
    ) -> None: ...

    def restore(
        self,
        folder: Path,
        model: nn.Module,
        optimizer: Optimizer,
        fingerprint: Any,
        order: state.Order = ...,
    ) -> tuple[int, dict[str, Any]]: ...

    def forget(self, folder: Path, after: int) -> None: ...


class Keeper:
    """The checkpoints of one run in its scratch folder."""

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        optimizer: Optimizer,
        fingerprint: Any,
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

    def resume(self) -> tuple[int, dict[str, Any]]:
        """(steps done, notes) of the newest state, (0, {}) for a fresh run, whose start is kept."""
        step, notes = self._restore(state.newest_first)
        self._saved_at = time.monotonic()
        if step >= 0:
            return step, notes
        if self.rhythm.anchor_steps:
            self.save(0, {})
        return 0, {}

    def back(self, bound: int) -> tuple[int, dict[str, Any]]:
        """Return to the newest anchor at or before step `bound`; later checkpoints are deleted."""
        self.wait()
        # A shard that another process is still writing would make an anchor look unfinished.
        distribution.any_true(False, next(self.model.parameters()).device)
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

    @property
    def waited(self) -> bool:
        """Whether it is time by the clock: the first process' alone, so that all have one."""
        return distribution.rank() == 0 and self._since_saved() >= self.rhythm.seconds

    @property
    def busy(self) -> bool:
        """Whether this process is still writing the checkpoint before: a new one would wait."""
        return self._thread is not None and self._thread.is_alive()

    def due(self, step: int, waited: bool, busy: bool) -> bool:
        """Whether a checkpoint is written now; `waited` and `busy` as they are in any process."""
        return self.rhythm.fixed(step) or (waited and not busy)

    def save(self, step: int, notes: dict[str, Any], best: int | None = None) -> None:
        """Copy the state after `step` steps, in every process, and begin to write it."""
        self.wait()
        if self.store.writes():
            self._copy = self.store.snapshot(self.model, self.optimizer, self._copy)
            meta = {"fingerprint": self.fingerprint, "notes": notes}
            keep = functools.partial(self.rhythm.kept, best=best)
            self._thread = threading.Thread(
                target=self._write, args=(step, self._copy, meta, keep), name="checkpoint"
            )
            self._thread.start()
        self._saved_at = time.monotonic()

    def wait(self) -> None:
        """Until what is being written is on disk; says once that it could not be."""
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

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait()

    def _since_saved(self) -> float:
        return time.monotonic() - self._saved_at

    def _write(
        self,
        step: int,
        tensors: dict[str, Tensor],
        meta: dict[str, Any],
        keep: Callable[[list[int]], set[int]],
    ) -> None:
        try:
            self.store.write(self.folder, step, tensors, meta, keep)
        except BaseException as error:  # raised again by `wait`, in the thread that trains
            self._error = error

    def _restore(self, order: state.Order) -> tuple[int, dict[str, Any]]:
        return self.store.restore(self.folder, self.model, self.optimizer, self.fingerprint, order)
