"""Settings: how a store hands its tasks out, and how finished work becomes tables."""

import dataclasses

from pipeline import ranges


@dataclasses.dataclass(frozen=True)
class QueueConfig:
    """How a store hands its tasks out; it is kept in the store. The numbers are ours.

    Shares hold for each kind of task by itself, so that a gold item is of no rare kind.
    """

    # That a task is its rater's alone. Longer than any answer takes: who comes back later has lost
    # nothing if nobody else answered meanwhile, but the time is not counted.
    lease_seconds: float = 1800.0
    overlap_share: float = 0.1  # of the tasks, how many go to several raters: agreement is theirs
    overlap_raters: int = 3  # how many
    # Of what a rater is given, how much has a known answer: 1 in 20 finds a rater who guesses
    # between two after some hundred comparisons and costs 5% of the work.
    gold_share: float = 0.05
    seed: int = 0  # of who gets which gold item where, which answer stands first, what overlaps

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="lease_seconds",
            shares="overlap_share",
            at_least={"overlap_raters": 2},
            at_most={"gold_share": 0.5},  # beyond, two would often follow each other
        )


@dataclasses.dataclass(frozen=True)
class LabelsConfig:
    """How finished work becomes tables."""

    # Of prompts, by hash: every answer to one prompt is in the same split.
    validation_fraction: float = 0.03
    bootstrap_samples: int = 1000  # of the interval of Krippendorff's alpha
    seed: int = 0  # of the bootstrap

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="bootstrap_samples", shares="validation_fraction")
