"""Ratings on Elo's scale from who beat whom: Bradley and Terry's model, a draw half a win.

The probability that a beats b is 1 / (1 + 10 ** ((b - a) / 400)). Ratings are the most likely ones,
found by Hunter's MM algorithm (2004), and shifted so that one player stands at 0. So that who never
lost has a rating at all, each pair that met counts one more game, drawn: `PRIOR_DRAWS`. Intervals
are percentiles over resampled games, pair by pair.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

PRIOR_DRAWS = 1.0
SCALE = 400.0 / np.log(10.0)
MOST_ROUNDS = 10_000
CLOSE = 1e-9  # a round that moves no strength by more, relatively, was the last


@dataclasses.dataclass(frozen=True)
class PairResult:
    """How often two players met, and how it ended."""

    a: str
    b: str
    a_won: int
    drawn: int
    b_won: int


@dataclasses.dataclass(frozen=True)
class Rating:
    """A player's rating, with its 95% interval."""

    player: str
    elo: float
    low: float
    high: float
    games: int


def ratings(
    results: Sequence[PairResult], zero: str, samples: int = 0, seed: int = 0
) -> list[Rating]:
    """Rate all players of some results.

    Args:
        results: pairs; the same one may come several times. They must connect all players.
        zero: who stands at 0.
        samples: of the bootstrap; 0: no intervals, low and high are the rating.
        seed: of the bootstrap.

    Returns:
        Ratings, the highest first.
    """
    players = list(dict.fromkeys(name for one in results for name in (one.a, one.b)))
    place = {name: number for number, name in enumerate(players)}
    counts = np.array([(one.a_won, one.drawn, one.b_won) for one in results], dtype=np.int64)
    pairs = np.array([(place[one.a], place[one.b]) for one in results], dtype=np.int64)
    found = _elo(pairs, counts, len(players), place[zero])
    rng = np.random.default_rng(seed)
    resampled = [
        _elo(pairs, _resampled(counts, rng), len(players), place[zero]) for _ in range(samples)
    ]
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0) if samples else (found, found)
    games = np.zeros(len(players), dtype=np.int64)
    for pair, ended in zip(pairs, counts):
        games[pair] += ended.sum()
    rated = [
        Rating(name, float(found[i]), float(low[i]), float(high[i]), int(games[i]))
        for name, i in place.items()
    ]
    return sorted(rated, key=lambda one: -one.elo)


def _resampled(counts: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """As many games of each pair, drawn with replacement from its own."""
    drawn = [
        rng.multinomial(ended.sum(), ended / ended.sum()) if ended.sum() else ended
        for ended in counts
    ]
    return np.array(drawn, dtype=np.int64)


def _elo(
    pairs: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], players: int, zero: int
) -> npt.NDArray[np.float64]:
    points = np.zeros((players, players))  # of the row's player against the column's
    for (a, b), (won, drawn, lost) in zip(pairs, counts):
        if won + drawn + lost:
            points[a, b] += won + (drawn + PRIOR_DRAWS) / 2
            points[b, a] += lost + (drawn + PRIOR_DRAWS) / 2
    met, gained = points + points.T, points.sum(axis=1)
    strength = np.ones(players)
    for _ in range(MOST_ROUNDS):
        shares = met / (strength[:, None] + strength[None, :])
        renewed = gained / shares.sum(axis=1)
        renewed /= renewed[zero]
        moved = np.abs(renewed / strength - 1).max()
        strength = renewed
        if moved < CLOSE:
            break
    elo: npt.NDArray[np.float64] = SCALE * np.log(strength / strength[zero])
    return elo
