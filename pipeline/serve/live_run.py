"""A training run that has not committed its artifact: its figures so far, and when they came."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class LiveRun:
    """As its files tell it. It may be running, or have been interrupted: `seen` says."""

    kind: str  # of the artifact to be
    artifact: str  # likewise, its short name
    title: str
    recipe: dict[str, Any]
    seen: float  # when a figure was last written, seconds since 1970
    # `step` and the tables' other names (METRICS, TIMING): as many numbers each, NaN where none is
    columns: Mapping[str, Column]
