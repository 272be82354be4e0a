"""What every side of the training benchmark shares: held-out windows, their measure, a clock.

In: token streams or documents. Out: a file of windows that each side's script loads, and the nats
it gave each of them. One function measures all: models differ in `nats_of` alone. A side's seconds
run from its first step, evaluations and torch.compile left out (`Clock`).
"""

import dataclasses
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
NOT_COUNTED = -1  # a target of padding
BUSY = "BENCHMARK_BUSY"  # environment: see `now`
BEGAN = "BENCHMARK_BEGAN"  # environment: see `start_up`

BUSY_NOTE = (
    "Measured on a machine that others used: seconds are processor seconds over threads, not the"
    " clock's."
)

NatsOf = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Windows of one length; a target of -1 isn't counted."""

    inputs: np.ndarray  # (windows, context) int64
    targets: np.ndarray  # (windows, context) int64
    document: np.ndarray  # (windows,) the document a window is of
    document_bytes: np.ndarray  # (documents,) bytes of the counted targets

    def save(self, path: Path) -> None:
        np.savez(path, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})

    @classmethod
    def load(cls, path: Path) -> "HeldOut":
        with np.load(path) as data:
            return cls(**{name: data[name] for name in data.files})


def stream_windows(tokens: np.ndarray, context: int) -> HeldOut:
    """All whole windows of a stream, side by side, each token but the first predicted once."""
    count = (len(tokens) - 1) // context
    inputs = tokens[: count * context].reshape(count, context).astype(np.int64)
    targets = tokens[1 : count * context + 1].reshape(count, context).astype(np.int64)
    return HeldOut(inputs, targets, np.zeros(count, np.int64), np.array([count * context]))


def document_windows(
    documents: Sequence[np.ndarray], byte_lengths: np.ndarray, context: int, most_tokens: int
) -> HeldOut:
    """The first `most_tokens` of each document, in windows side by side; see HeldOut.

    Its first token is the document token, which is read and not predicted.
    """
    inputs, targets, owner, sizes = [], [], [], []
    for number, whole in enumerate(documents):
        document = np.asarray(whole[: most_tokens + 1], dtype=np.int64)
        sizes.append(int(byte_lengths[document[1:]].sum()))
        for start in range(0, len(document) - 1, context):
            piece = document[start : start + context + 1]
            row = np.zeros(context, np.int64)
            goal = np.full(context, NOT_COUNTED, np.int64)
            row[: len(piece) - 1] = piece[:-1]
            goal[: len(piece) - 1] = piece[1:]
            inputs.append(row)
            targets.append(goal)
            owner.append(number)
    return HeldOut(np.stack(inputs), np.stack(targets), np.array(owner), np.array(sizes))


@torch.no_grad()
def measure(
    nats_of: NatsOf, held_out: HeldOut, device: torch.device | str = "cpu", rows: int = 32
) -> np.ndarray:
    """Nats of each window, float64. `nats_of(inputs, targets)` gives (rows, context) nats."""
    sums = []
    for start in range(0, len(held_out.inputs), rows):
        inputs = torch.from_numpy(held_out.inputs[start : start + rows]).to(device)
        targets = torch.from_numpy(held_out.targets[start : start + rows]).to(device)
        nats = nats_of(inputs, targets).double() * (targets != NOT_COUNTED)
        sums.append(nats.sum(dim=1).cpu().numpy())
    return np.concatenate(sums)


def mean_nats(nats: np.ndarray, held_out: HeldOut) -> float:
    """A token."""
    return float(nats.sum() / (held_out.targets != NOT_COUNTED).sum())


def bits_per_byte(nats: np.ndarray, held_out: HeldOut) -> float:
    return float(nats.sum() / (math.log(2) * held_out.document_bytes.sum()))


def document_nats(nats: np.ndarray, held_out: HeldOut) -> np.ndarray:
    """Nats of each document, for intervals over documents."""
    return np.bincount(held_out.document, nats, minlength=len(held_out.document_bytes))


def synchronize() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def now() -> float:
    """Seconds on the benchmark's clock.

    On a machine that others use as well (BUSY) processor seconds over threads, which are what the
    clock would say if the threads had been alone.
    """
    if is_busy():
        return time.process_time() / torch.get_num_threads()
    return time.perf_counter()


def is_busy() -> bool:
    return bool(os.environ.get(BUSY))


def start_up() -> float:
    """Seconds since `last_line` began this process; 0 where something else did."""
    began = float(os.environ.get(BEGAN, 0.0))
    return time.time() - began if began else 0.0


class Clock:
    """Training seconds: runs between `run` and `pause`, which wait for what a GPU still does."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None

    def run(self) -> None:
        if self._since is None:
            synchronize()
            self._since = now()

    def pause(self) -> None:
        if self._since is not None:
            synchronize()
            self.seconds += now() - self._since
            self._since = None


def last_line(
    command: Sequence[Any], threads: int, extra_environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run one side's script with this interpreter; the JSON it prints last.

    A line on stderr says what runs and how long it took: a table takes a quarter of an hour.
    """
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": str(ROOT),
        BEGAN: repr(time.time()),
        **(extra_environment or {}),
    }
    words = [sys.executable, *(str(word) for word in command)]
    began = time.monotonic()
    print(f"  {words[2]} …", end="", file=sys.stderr, flush=True)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment)
    print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if done.returncode:
        raise SystemExit(f"{words[1:4]} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
