"""A model by name: the newest of a stage, a digest, or a path."""

from collections.abc import Sequence
from pathlib import Path

from storage import Lake
from storage.errors import UserError

MODELS = ("base", "extended", "sft", "interrogated", "rl", "rlhf")
GAME_MODELS = ("game_sft", "game_rl")  # they know nothing but a game

# What is talked to and exported where no model is named: the last stage that the lake has.
FINISHED = ("rlhf", "rl")


def finished(lake: Lake) -> str:
    """The stage of the lake's most finished chat model; `rl`, which says so, where it has none."""
    heads = lake.heads()
    return next((name for name in FINISHED if name in heads), FINISHED[-1])


def find_model(lake: Lake, name: str, others: Sequence[str] = ()) -> Path:
    """A model by stage name, digest prefix or path: its folder, or a .gguf file.

    Args:
        lake: where models lie.
        name: of the model.
        others: kinds of models that don't answer and are welcome here.
    """
    known = (*MODELS, *GAME_MODELS, *others)
    if name in known:
        heads = lake.heads()
        if name not in heads:
            made = ", ".join(m for m in known if m in heads) or "none"
            raise UserError(f"no {name} model in lake {lake.url} yet (there: {made}): run a flow")
        return lake.local(name, heads[name])
    if Path(name).is_dir() or Path(name).suffix == ".gguf":
        return Path(name)
    manifest = lake.manifest(None, name)
    if manifest.kind not in known:
        raise UserError(f"{name} is a {manifest.kind}, not a model ({', '.join(known)})")
    return lake.local(manifest.kind, manifest.digest)
