"""The token stage with two processes for however little text, in many small batches."""

from pathlib import Path

from pipeline.stage import Progress
from pipeline.tokenizer import encoding, tokens
from pipeline.tokenizer.config import TokensConfig


def build(
    out: Path,
    inputs: tokens.TokensInputs,
    config: TokensConfig,
    progress: Progress,
    scratch: Path,
) -> tokens.TokensStatistics:
    encoding.WORTH_PROCESSES = 0
    encoding.BATCH_BYTES = 20_000
    encoding.cores = lambda: 2
    return tokens.build(out, inputs, config, progress, scratch)
