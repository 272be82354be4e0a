"""What a request asks of a model, and what it gets: prompts with their samples, token by token."""

import dataclasses
from collections.abc import Callable

from pipeline.model.batch import Ended
from pipeline.model.constraint import Constraint
from pipeline.model.rows import Sampling

Constrain = Callable[[], Constraint | None]  # makes one anew for each sample


@dataclasses.dataclass(frozen=True)
class Generation:
    """One prompt and its samples."""

    prompt: tuple[int, ...]
    sampling: Sampling
    samples: int = 1
    seed: int = 0
    client: str = ""  # whose share of the machine it takes
    constraint: Constrain | None = None
    occurrence: int = 0  # of the same prompt in a request: equal ones get answers of their own


@dataclasses.dataclass(frozen=True)
class Delta:
    """What one sample has got since the last."""

    sample: int
    tokens: list[int]
    # Nats. With `Sampling.untruncated_logprobs` the model's own, at temperature 1 with no token
    # left out, as those of `top_logprobs` always are; else those that tokens were drawn by.
    logprobs: list[float]
    top_logprobs: list[dict[int, float]] | None = None
    ended: Ended = ""
    prompt: int = 0  # which of the request's
