"""Which batch a step takes and at what rate, after the run had to go back: a list of jumps.

A run that goes back to an earlier state must not meet the batches that upset it again: from there
on all batches are those after the last one it saw, and the learning rates may be lower. Both are
functions of the step and the jumps alone, so a checkpoint that holds the jumps replays them.
"""

import dataclasses

from pipeline.training.run_records import JumpRecord


@dataclasses.dataclass(frozen=True)
class Jump:
    """From step `at` (steps done) on, step s takes batch s + shift."""

    at: int
    shift: int
    count: int  # rollbacks so far, this one included


@dataclasses.dataclass(frozen=True)
class Course:
    """Which batches a run takes: its jumps in the order of their steps, the newest last."""

    jumps: tuple[Jump, ...] = ()

    def batch(self, step: int) -> int:
        """The number of the batch that a step takes.

        Args:
            step: steps done before it.
        """
        return step + self._shift(step)

    def rollbacks(self, step: int) -> int:
        """How often the run had gone back before a step.

        Args:
            step: steps done before it.
        """
        return max((jump.count for jump in self.jumps if jump.at <= step), default=0)

    @property
    def count(self) -> int:
        """How often the run has gone back so far."""
        return self.jumps[-1].count if self.jumps else 0

    def back(self, done: int, to: int) -> "Course":
        """The course after an incident.

        Args:
            done: steps done when it happened.
            to: steps done in the state that the run goes back to.
        """
        unseen = self.batch(done - 1) + 1
        older = tuple(jump for jump in self.jumps if jump.at < to)
        return Course((*older, Jump(to, unseen - to, self.count + 1)))

    def as_json(self) -> list[JumpRecord]:
        """For a checkpoint's notes."""
        return [{"at": jump.at, "shift": jump.shift, "count": jump.count} for jump in self.jumps]

    @staticmethod
    def of_json(jumps: list[JumpRecord]) -> "Course":
        """From a checkpoint's notes."""
        return Course(tuple(Jump(**jump) for jump in jumps))

    def _shift(self, step: int) -> int:
        reached = [jump.shift for jump in self.jumps if jump.at <= step]
        return reached[-1] if reached else 0
