"""What models are called in the arena: by their weights when a vote is kept, shorter when shown."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.evals.vote_ratings import Vote
from pipeline.evals.vote_store import CastVote

SHORT = 8  # hex digits of a digest, behind a model's name
DIGEST = re.compile(rf" [0-9a-f]{{{SHORT}}}\Z")
ARTIFACT = re.compile(r"[0-9a-f]{16}")  # as the lake names an artifact's folder


def known_as(folder: Path) -> str:
    """What votes on a model are kept under.

    Args:
        folder: of the model, or its .gguf file.

    Returns:
        Its kind and the beginning of its digest, so that a model that was trained anew is another
        one; of one outside a lake the folder's name.
    """
    place = folder.resolve()
    if ARTIFACT.fullmatch(place.name):
        return f"{place.parent.name} {place.name[:SHORT]}"
    return place.name


def shown_names(stored: set[str]) -> dict[str, str]:
    """Names without the digest behind them, where no other model bears them."""
    bare = {name: DIGEST.sub("", name) for name in stored}
    borne = list(bare.values())
    return {name: own if borne.count(own) == 1 else name for name, own in bare.items()}


def shown_votes(cast: Sequence[CastVote]) -> list[Vote]:
    """Votes as ratings take them, on models by the names that are shown."""
    names = shown_names({name for one in cast for name in (one.battle.a.model, one.battle.b.model)})
    return [
        dataclasses.replace(one.vote, a=names[one.battle.a.model], b=names[one.battle.b.model])
        for one in cast
    ]
