"""A tiny reinforcement run that some batches upset: a slope that is NaN, or slopes that are huge.

As a program (under torchrun, say) it trains through both, and the first process prints what it saw:
python upset_rl.py CHAT_MODEL FOLDER.
"""

import dataclasses
import functools
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from torch import Tensor

from pipeline.curriculum.tasks import Task
from pipeline.model import Transformer
from pipeline.rl import policy_update
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.rl.sampled_batch import Sampler
from pipeline.stage import Progress
from pipeline.training import distribution
from pipeline.training.step import StepLoss
from storage.tables import read_table

STEPS = 24
GUARDED = RlConfig(
    steps=STEPS,
    prompts_per_step=4,
    answers_per_prompt=4,
    max_new_tokens=12,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    rollback_steps=4,
    spike_window=6,
    checkpoint_seconds=1e9,
    precision="float32",
    threads=1,
    device="cpu",
)
UPSETS = {7: "nan", 17: "huge", 18: "huge", 19: "huge"}


class Killed(Exception):
    """Stands for SIGKILL: nothing in the loop knows it."""


def upset(kind: str, model: Transformer, loss: StepLoss) -> StepLoss:
    """The same loss, but for its slopes."""
    if kind == "huge":
        return dataclasses.replace(loss, normalizer=loss.normalizer / 1e6)

    def no_slope() -> Tensor:  # the root of zero: a loss of 0 whose slope is 0 * infinity
        return (model.norm.weight * 0.0).sum().sqrt()

    return dataclasses.replace(loss, terms=[*loss.terms, no_slope])


def is_even(task: Task, reply: str, stopped: bool) -> bool:
    """Right by the parity of its bytes: not to be learned, so groups teach to the end."""
    return sum(reply.encode()) % 2 == 0


class Run:
    """What a run drew (steps done, number of the batch) and said."""

    def __init__(self, chat: Path, upsets: dict[int, str]) -> None:
        self.chat, self.upsets = chat, upsets
        self.drawn: list[tuple[int, int]] = []
        self.notes: list[str] = []

    def build(
        self, out: Path, scratch: Path, kill_at: int | None = None, **changes: Any
    ) -> rl.RlStatistics | None:
        for folder in (out, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        stream = io.StringIO()
        config = dataclasses.replace(GUARDED, **changes)
        loss_of = functools.partial(
            self._step_loss, policy_update.step_loss, len(self.drawn), kill_at
        )
        with (
            mock.patch.object(rl, "step_loss", loss_of),
            mock.patch("pipeline.rl.rollouts.check", is_even),
        ):
            try:
                return rl.build(out, {"sft": [self.chat]}, config, Progress(stream), scratch)
            finally:
                events = map(json.loads, stream.getvalue().splitlines())
                self.notes += [event["text"] for event in events if event["event"] == "note"]

    def _step_loss(
        self,
        step_loss: Callable[..., StepLoss],
        before: int,
        kill_at: int | None,
        sampler: Sampler,
        *rest: Any,
        **more: Any,
    ) -> StepLoss:
        done, number = rest[-2:]
        self.drawn.append((done, number))
        loss = step_loss(sampler, *rest, **more)
        if len(self.drawn) - before == kill_at:
            raise Killed
        kind = self.upsets.get(number)
        return loss if kind is None else upset(kind, sampler.model, loss)

    def went_back(self) -> list[str]:
        return [note for note in self.notes if "back to step" in note]


def main(chat: str, folder: str) -> None:
    run = Run(Path(chat), UPSETS)
    out = Path(folder) / "out"
    statistics = run.build(out, Path(folder) / "scratch")
    if statistics:
        rollbacks = read_table(out / "metrics.parquet")["rollbacks"].to_pylist()
        said = {"rollbacks": rollbacks, "drawn": run.drawn, "notes": run.went_back()}
        print(json.dumps(said | {"answers": read_table(out / "rollouts.parquet").num_rows}))
    distribution.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
    # as pipeline.worker.child ends: gloo's threads, torn down at a usual exit, abort now and then
    sys.stdout.flush()
    os._exit(0)
