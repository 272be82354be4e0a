"""Looking into a folder of checkpoints."""

from pathlib import Path

from pipeline.training import checkpoint


def newest(folder: Path) -> checkpoint.Checkpoint | None:
    """The newest that is whole."""
    found = (checkpoint.load(folder, step) for step in reversed(checkpoint.steps(folder)))
    return next((whole for whole in found if whole is not None), None)
