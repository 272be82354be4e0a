"""The token stage with two processes for however little text, in many small batches."""

from pathlib import Path
from typing import Any

from pipeline.stage import Progress
from pipeline.tokenizer import encoding, shards
from pipeline.tokenizer.config import ShardConfig


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: ShardConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    encoding.WORTH_PROCESSES = 0
    encoding.BATCH_BYTES = 20_000
    encoding.cores = lambda: 2
    return shards.build(out, inputs, config, progress, scratch)
