"""Raters who are simulated: they see an answer's true reward through noise, or don't look at all.

In: the rewards of two answers, a rater, random numbers. Out: who wins. A rater perceives the
difference of the rewards with logistic noise, which is the Bradley-Terry model, and calls a tie
what lies within a margin (Rao and Kupper 1967, "Ties in paired-comparison experiments"): without
ties P(a wins) = sigmoid((r_a - r_b) / noise). A careless rater throws a coin. One who always says
the first never reads the second. All depends on the random numbers alone, whose seed is of prompt,
pair and rater, so that no order of work changes a comparison.
"""

import dataclasses
import math
import random
from collections.abc import Sequence
from typing import Literal

from pipeline import ranges

Winner = Literal["a", "tie", "b"]
Place = Literal["a", "b"]
WAYS = ("attentive", "careless", "first")


@dataclasses.dataclass(frozen=True)
class CrowdConfig:
    """Who rates. The shares are our own choice: crowds have both kinds."""

    raters: int = 10  # all of them
    careless: int = 1  # of them: throw a coin
    always_first: int = 1  # of them: name the answer that they are shown first
    per_pair: int = 1  # raters who get a pair
    # points of reward: at a difference of so many the better one wins in 73% of the comparisons
    noise: float = 1.0
    tie_margin: float = 0.25  # points; what is perceived to be nearer than this is a tie
    position_bias: float = 0.0  # points that attentive raters give to what they are shown first

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="raters per_pair")
        ranges.refuse(
            self,
            (
                self.careless + self.always_first > self.raters,
                "raters: fewer than careless and always_first together",
            ),
            (self.per_pair > self.raters, "per_pair: more than there are raters"),
        )


@dataclasses.dataclass(frozen=True)
class SimulatedRater:
    """One rater.

    Args:
        name: as the table has it.
        way: one of WAYS.
        noise: see CrowdConfig, as the next two.
        tie_margin: likewise.
        position_bias: likewise.
    """

    name: str
    way: str = "attentive"
    noise: float = 1.0
    tie_margin: float = 0.25
    position_bias: float = 0.0


def crowd(config: CrowdConfig) -> list[SimulatedRater]:
    """The raters; their names don't tell who is careless."""
    ways = ["careless"] * config.careless + ["first"] * config.always_first
    ways += ["attentive"] * (config.raters - len(ways))
    random.Random("simulated raters").shuffle(ways)
    width = max(2, len(str(config.raters)))
    return [
        SimulatedRater(
            f"simulated-{number:0{width}d}",
            way,
            config.noise,
            config.tie_margin,
            config.position_bias,
        )
        for number, way in enumerate(ways, 1)
    ]


def chosen(raters: Sequence[SimulatedRater], count: int, name: str) -> list[SimulatedRater]:
    """Who gets a pair.

    Args:
        raters: all of them.
        count: how many.
        name: of the pair, with the seed.
    """
    return random.Random(f"raters:{name}").sample(raters, count)


def random_numbers(name: str, rater: SimulatedRater) -> random.Random:
    """What a rater's judgement on a pair depends on, besides the rewards.

    Args:
        name: of the pair, with the seed.
        rater: who judges.
    """
    return random.Random(f"rating:{name}:{rater.name}")


def shown_first(rng: random.Random) -> Place:
    """Which of two answers a rater is shown first: either, equally often."""
    return "a" if rng.random() < 0.5 else "b"


def compare(
    reward_a: float,
    reward_b: float,
    rater: SimulatedRater,
    rng: random.Random,
    first: Place = "a",
) -> Winner:
    """Who wins.

    Args:
        reward_a: what raters like of the answer called A, in points, flaws included.
        reward_b: likewise of B.
        rater: who judges.
        rng: of this judgement (`random_numbers`).
        first: which is shown first.

    Raises:
        ValueError: a reward is no finite number.
    """
    if not (math.isfinite(reward_a) and math.isfinite(reward_b)):
        raise ValueError(f"rewards {reward_a}, {reward_b}: nobody can compare them")
    if rater.way == "first":
        return first
    if rater.way == "careless":
        return "a" if rng.random() < 0.5 else "b"
    share = rng.random()
    while share == 0:  # whose logit is infinite
        share = rng.random()
    bias = rater.position_bias if first == "a" else -rater.position_bias
    perceived = reward_a - reward_b + bias + rater.noise * math.log(share / (1 - share))
    if abs(perceived) < rater.tie_margin or perceived == 0:
        return "tie"
    return "a" if perceived > 0 else "b"
