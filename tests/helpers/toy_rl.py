"""A small run of the rl stage in folders of its own."""

from pathlib import Path

from pipeline.rl import train
from pipeline.rl.config import RlConfig
from pipeline.stage import SILENT, Progress


def reinforce(
    chat: Path,
    out: Path,
    config: RlConfig,
    progress: Progress = SILENT,
    scratch: Path | None = None,
    **inputs: list[Path],
) -> train.RlStatistics | None:
    """Build from a chat model; scratch lies beside `out` unless a run before has left one."""
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    for folder in (out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    return train.build(out, {"sft": [chat], **inputs}, config, progress, scratch)  # type: ignore[typeddict-item]
