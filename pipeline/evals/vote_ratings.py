"""The leaderboard of blind votes: rating, interval, rank set, and what style is worth to voters.

In: votes, each of one of two models or a tie. Out: Bradley-Terry ratings whose mean is `initial`,
with percentile intervals over resampled votes; for each model the ranks that it may have, since 30
votes put nobody at one rank; how few votes hold the first place; and with style control the
coefficients of length, headers, lists and bold, beside which ratings are those of equal style.

Where no chain of points leads from each model to each other (someone never lost, say) the most
likely ratings are infinite. Then one drawn game is added to each pair that met, in what is
resampled too, and the board says so (`smoothed`). A resample of votes to which it happens is
treated alike; the board says how many (`smoothed_samples`).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline import ranges
from pipeline.evals import answer_style
from pipeline.evals.answer_style import STYLES, AnswerStyle
from pipeline.evals.bradley_terry import (
    PRIOR_DRAWS,
    SCALE,
    Matchups,
    are_bounded,
    groups,
    matchups,
    most_likely,
)
from pipeline.evals.flipped_votes import flipped_votes
from storage.errors import UserError

Matrix = npt.NDArray[np.float64]

NO_STYLE = AnswerStyle(0)
POINTS = {"a": 1.0, "tie": 0.5, "b": 0.0}  # what a gets, by the winner's side
LOW, HIGH = 2.5, 97.5  # percent: a 95% interval


@dataclasses.dataclass(frozen=True)
class Vote:
    """One blind comparison."""

    a: str  # a model
    b: str  # another
    winner: str  # a, tie or b
    style_a: AnswerStyle = NO_STYLE
    style_b: AnswerStyle = NO_STYLE


@dataclasses.dataclass(frozen=True)
class LeaderboardConfig:
    """How votes become a leaderboard. Scale and `initial` are the public arena's."""

    initial: float = 1000.0  # the mean rating
    samples: int = 1000  # of the bootstrap: an end of an interval then stands to a few Elo points
    seed: int = 0  # of the bootstrap
    style_control: bool = False
    # Of style: half of it times the sum of squared coefficients, each of a difference of usual
    # size, is taken off the log-likelihood. 1: as one normal vote on it, which keeps it finite.
    penalty: float = 1.0

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="samples penalty")


@dataclasses.dataclass(frozen=True)
class Standing:
    """A model on the board. Ranks count from 1."""

    model: str
    rating: float
    low: float
    high: float
    best_rank: int  # 1 and one for each model that is significantly better
    worst_rank: int  # the number of models less those that are significantly worse
    votes: int
    won: int
    tied: int


@dataclasses.dataclass(frozen=True)
class StyleEffect:
    """What voters give for a style, in logits: of the usual difference, and of the whole one."""

    style: str
    coefficient: float  # for a difference as large as the votes' are (their root mean square)
    low: float
    high: float
    size: float  # that difference; coefficient / size is for (a - b) / (a + b + 1) = 1


@dataclasses.dataclass(frozen=True)
class FirstPlace:
    """How few votes, given to the other side, would put another first (`flipped_votes`)."""

    first: str
    then: str  # who would be above
    at_least: int  # no fewer do it
    at_most: int  # so many do


@dataclasses.dataclass(frozen=True)
class Leaderboard:
    """What votes say."""

    standings: list[Standing]  # the best first
    unrated: list[list[str]]  # groups of models that no vote ties to those
    votes: int  # that count
    first_place: FirstPlace
    styles: list[StyleEffect]  # with style control
    smoothed: bool
    smoothed_samples: int  # of the bootstrap's


def leaderboard(
    votes: Sequence[Vote],
    config: LeaderboardConfig = LeaderboardConfig(),
    models: Sequence[str] = (),
) -> Leaderboard:
    """Rate the models of some votes.

    Args:
        votes: in any order.
        config: how.
        models: who is to be named although nobody has voted on them.

    Returns:
        The board. Models that no chain of votes ties to the largest group have no rating.

    Raises:
        UserError: there is no vote, or one is none.
    """
    if not votes:
        raise UserError("no votes yet: `crawl2chat arena --models A B --rater NAME` asks for some")
    names = voted_models(votes, models)
    rated, *apart = [
        sorted(names[player] for player in group) for group in groups(rows(votes, names))
    ]
    counted = [vote for vote in votes if vote.a in rated]
    size = answer_style.scales(_differences(counted)) if config.style_control else None
    met = rows(counted, rated, size)
    smoothed = not are_bounded(met, met.counts[None])[0]
    penalty = config.penalty if config.style_control else 0.0
    flipped = flipped_votes(met, PRIOR_DRAWS if smoothed else 0.0, penalty)
    if smoothed:
        met = with_draws(met)
    (found,) = most_likely(met, met.counts[None], 0.0, penalty)
    drawn = np.random.default_rng(config.seed).multinomial(
        len(counted), met.counts / met.counts.sum(), size=config.samples
    )
    weights = drawn.astype(np.float64)
    loose = ~are_bounded(met, weights)
    samples = most_likely(met, weights, np.where(loose, PRIOR_DRAWS, 0.0), penalty, found)
    split = len(rated)
    return Leaderboard(
        _standings(rated, counted, found[:split], samples[:, :split], config.initial),
        apart,
        len(counted),
        FirstPlace(rated[flipped.first], rated[flipped.then], flipped.at_least, flipped.at_most),
        _style_effects(found[split:], samples[:, split:], size),
        smoothed,
        int(loose.sum()),
    )


def voted_models(votes: Sequence[Vote], models: Sequence[str] = ()) -> list[str]:
    """The models of votes, and others, by name.

    Raises:
        UserError: a vote is none.
    """
    for number, vote in enumerate(votes, start=1):
        if vote.winner not in POINTS:
            raise UserError(f"vote {number}: winner {vote.winner!r} is none of {', '.join(POINTS)}")
        if vote.a == vote.b:
            raise UserError(f"vote {number}: {vote.a} against itself")
    return sorted({*models, *(name for vote in votes for name in (vote.a, vote.b))})


def rows(votes: Sequence[Vote], names: Sequence[str], size: Matrix | None = None) -> Matchups:
    """Votes as the ratings' rows.

    Args:
        votes: of the models alone.
        names: of the models, in the order of their numbers.
        size: [STYLES] what differences in style are divided by; None: style is left out.
    """
    number = {name: at for at, name in enumerate(names)}
    return matchups(
        np.array([number[vote.a] for vote in votes], dtype=np.int64),
        np.array([number[vote.b] for vote in votes], dtype=np.int64),
        np.array([POINTS[vote.winner] for vote in votes]),
        len(names),
        None if size is None else _differences(votes) / size,
    )


def with_draws(met: Matchups) -> Matchups:
    """The rows and, for each pair that met, half a win and half a loss more, in equal style.

    As most likely as one drawn game; and resampled, as votes are, they may fall either way.
    """
    pairs = len(met.first)
    half = np.full(pairs, PRIOR_DRAWS / 2)
    order = np.argsort(
        np.concatenate([met.pair, np.arange(pairs), np.arange(pairs)]), kind="stable"
    )
    pair = np.concatenate([met.pair, np.arange(pairs), np.arange(pairs)])[order]
    nothing = np.zeros((2 * pairs, met.features.shape[1]))
    return dataclasses.replace(
        met,
        begins=np.searchsorted(pair, np.arange(pairs)),
        pair=pair,
        points=np.concatenate([met.points, np.ones(pairs), np.zeros(pairs)])[order],
        features=np.concatenate([met.features, nothing])[order],
        counts=np.concatenate([met.counts, half, half])[order],
    )


def _differences(votes: Sequence[Vote]) -> Matrix:
    return answer_style.style_differences(
        [vote.style_a for vote in votes], [vote.style_b for vote in votes]
    )


def _standings(
    names: Sequence[str], votes: Sequence[Vote], found: Matrix, samples: Matrix, initial: float
) -> list[Standing]:
    low, high = np.percentile(samples, [LOW, HIGH], axis=0)
    # [models, models] the share of resamples in which the column's model is above the row's.
    above = np.mean(samples[:, None, :] > samples[:, :, None], axis=0)
    better = above >= HIGH / 100
    best, worst = 1 + better.sum(axis=1), len(names) - better.sum(axis=0)
    met = {name: [vote for vote in votes if name in (vote.a, vote.b)] for name in names}
    made = [
        Standing(
            name,
            float(initial + SCALE * found[at]),
            float(initial + SCALE * low[at]),
            float(initial + SCALE * high[at]),
            int(best[at]),
            int(worst[at]),
            len(met[name]),
            sum(vote.winner == ("a" if vote.a == name else "b") for vote in met[name]),
            sum(vote.winner == "tie" for vote in met[name]),
        )
        for at, name in enumerate(names)
    ]
    return sorted(made, key=lambda one: (-one.rating, one.model))


def _style_effects(found: Matrix, samples: Matrix, size: Matrix | None) -> list[StyleEffect]:
    if size is None:
        return []
    low, high = np.percentile(samples, [LOW, HIGH], axis=0)
    return [
        StyleEffect(style, float(found[at]), float(low[at]), float(high[at]), float(size[at]))
        for at, style in enumerate(STYLES)
    ]
