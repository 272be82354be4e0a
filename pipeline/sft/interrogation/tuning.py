"""Fine-tuning a chat model to say what it knows, and that it doesn't know the rest.

The `sft` stage's training, from a chat model instead of a base, on its conversations and those of
an interrogation; an artifact kind of its own, so that both models can be measured and talked to.
"""

from pathlib import Path

from pipeline.sft import train
from pipeline.sft.config import SftConfig
from pipeline.sft.train import SftInputs, SftStatistics
from pipeline.stage import Progress, Stage


def build(
    out: Path, inputs: SftInputs, config: SftConfig, progress: Progress, scratch: Path
) -> SftStatistics:
    """The `interrogated` stage."""
    return train.tune(out, inputs, config, progress, scratch, stage="interrogated")


STAGE = Stage("interrogated", 2, SftConfig, build)
