"""What a training run writes down: rows of its tables, notes of a checkpoint, settings it has.

All of it is JSON as well: a checkpoint's notes hold it, and a resumed run goes on from there.
"""

from typing import Any, NotRequired, TypedDict

# The stage and all settings that decide a run's result, as JSON: a checkpoint is of one of them.
Fingerprint = list[Any]


class MetricsRow(TypedDict):
    """A row of storage.schemas.METRICS, without the run's name."""

    stage: str
    step: int
    tokens: int  # seen so far
    loss: float  # nats a token; of RL the policy gradient's
    lr: float  # of the matrices
    grad_norm: float
    validation_bits_per_byte: float | None  # None where not measured at this step
    rollbacks: int  # before this step
    reward: NotRequired[float]  # RL only, as are those below
    length: NotRequired[float]  # tokens of an answer, mean
    entropy: NotRequired[float]  # nats a token
    worked_share: NotRequired[float]
    flat_group_share: NotRequired[float]
    truncated_share: NotRequired[float]
    wasted_share: NotRequired[float]
    mismatch_max: NotRequired[float]  # nats; where an answer taught anything, as are the next two
    mismatch_mean: NotRequired[float]
    clipped_share: NotRequired[float]
    right_share: NotRequired[float]  # where honesty is asked as well, as are those below
    honesty_reward: NotRequired[float]
    answer_rate: NotRequired[float]


class TimingRow(TypedDict):
    """A row of storage.schemas.TIMING."""

    step: int
    seconds: float  # of training so far
    tokens_per_second: float
    mfu: float | None  # None where a step is more than training
    peak_memory_bytes: int
    energy_kwh: float  # so far


class Usage(TypedDict, total=False):
    """What a run has used so far; a fresh one has no entries."""

    seconds: float
    joules: float


class JumpRecord(TypedDict):
    """A `course.Jump`."""

    at: int
    shift: int
    count: int


class SpikesRecord(TypedDict, total=False):
    """What `spikes.Spikes` remembers; a fresh run has no entries."""

    values: list[float]
    streak: int


class RunNotes(TypedDict, total=False):
    """What a checkpoint keeps of a run beside its tensors; a fresh run has no entries."""

    metrics: list[MetricsRow]
    timing: list[TimingRow]
    tokens: int
    course: list[JumpRecord]
    spikes: SpikesRecord
    used: Usage
    best: tuple[float, int | None]  # validation bits per byte, and after which step


class CheckpointMeta(TypedDict):
    """What stands in a checkpoint beside its tensors."""

    fingerprint: Fingerprint
    notes: RunNotes
