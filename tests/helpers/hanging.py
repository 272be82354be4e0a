"""Pretraining that hangs once, in the middle of a step, as a lost network mount would."""

import threading
from pathlib import Path

from pipeline.stage import Progress
from pipeline.training import pretrain
from pipeline.training.config import PretrainConfig
from pipeline.training.data_loader import Batch, PretrainData

HANGS_AT = 40


def build(
    out: Path,
    inputs: pretrain.PretrainInputs,
    config: PretrainConfig,
    progress: Progress,
    scratch: Path,
) -> pretrain.BaseStatistics | None:
    """The `base` stage; at its first try step 41 never ends."""
    hung = scratch / "hung"
    batch_of = PretrainData.batch

    def batch_that_never_comes(self: PretrainData, step: int) -> Batch:
        if step == HANGS_AT and not hung.exists():
            hung.touch()
            threading.Event().wait()
        return batch_of(self, step)

    PretrainData.batch = batch_that_never_comes  # type: ignore[method-assign]
    return pretrain.build(out, inputs, config, progress, scratch)
