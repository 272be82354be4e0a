"""Ratings on Elo's scale from who beat whom: Bradley and Terry's model, a draw half a win.

The probability that a beats b is 1 / (1 + 10 ** ((b - a) / 400)). Ratings are the most likely ones.
Two ways lead to that one maximum. `ratings` is for games, which are counted by pair: Hunter's MM
algorithm (2004), one player at 0, intervals over games resampled pair by pair; so that who never
lost has a rating at all, each pair that met counts one more game, drawn (`PRIOR_DRAWS`). It stays
as it is to the last bit, since published figures are its. `most_likely` is for votes: Newton's
method over many weightings of the same rows at once, as a bootstrap needs it, with features of the
two answers beside the ratings (style control), the mean rating at 0 and no draw but those asked
for.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

PRIOR_DRAWS = 1.0
SCALE = 400.0 / np.log(10.0)
MOST_ROUNDS = 10_000
CLOSE = 1e-9  # a round that moves no strength by more, relatively, was the last
CLOSE_LOGITS = 1e-10  # … and a Newton step: far below a millionth of an Elo point
MOST_STEPS = 200  # of Newton: from nothing it takes about 8, more where ratings are far apart
AT_A_TIME = 2_000_000  # rows times weightings in one piece: bounds the memory at about 100 MB


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


@dataclasses.dataclass(frozen=True)
class Matchups:
    """Who met whom and how it ended, alike ones counted, in order of pairs; `matchups` makes it."""

    players: int
    first: Whole  # [pairs] the lower player of each pair that met
    second: Whole  # [pairs]
    begins: Whole  # [pairs] the pair's first row
    pair: Whole  # [rows] its pair
    points: Matrix  # [rows] the lower player's: 1 won, 0.5 drawn, 0 lost
    features: Matrix  # [rows, features] added to the lower player's logit, times coefficients
    counts: Matrix  # [rows] how often it came

    @property
    def incidence(self) -> Matrix:
        """[pairs, players] 1 at the first, -1 at the second."""
        found = np.zeros((len(self.first), self.players))
        at = np.arange(len(self.first))
        found[at, self.first], found[at, self.second] = 1.0, -1.0
        return found


def matchups(
    a: Whole, b: Whole, points: Matrix, players: int, features: Matrix | None = None
) -> Matchups:
    """Rows that `most_likely` takes: the unique ones of what is given.

    Args:
        a: [given] players by number; no row has one player twice.
        b: [given] whom they met.
        points: [given] a's: 1, 0.5 or 0.
        players: how many there are.
        features: [given, features] of a's answer against b's: the negative of b's against a's.
    """
    plain = np.zeros((len(a), 0)) if features is None else features
    turned = a > b
    rows = np.column_stack(
        [
            np.where(turned, b, a),
            np.where(turned, a, b),
            np.where(turned, 1.0 - points, points),
            np.where(turned[:, None], -plain, plain) + 0.0,  # -0.0 is 0.0
        ]
    )
    unique, counts = np.unique(rows, axis=0, return_counts=True)
    code = (unique[:, 0] * players + unique[:, 1]).astype(np.int64)
    pairs, begins, pair = np.unique(code, return_index=True, return_inverse=True)
    return Matchups(
        players,
        pairs // players,
        pairs % players,
        begins,
        pair.reshape(-1),
        unique[:, 2],
        unique[:, 3:],
        counts.astype(np.float64),
    )


def groups(met: Matchups) -> list[set[int]]:
    """Players who are tied together by who met whom; the largest group first."""
    found = [{player} for player in range(met.players)]
    for a, b in zip(met.first.tolist(), met.second.tolist()):
        one, other = (next(group for group in found if player in group) for player in (a, b))
        if one is not other:
            one |= other
            found.remove(other)
    return sorted(found, key=lambda group: (-len(group), min(group)))


def are_bounded(met: Matchups, weights: Matrix) -> npt.NDArray[np.bool_]:
    """Which weightings have a finite maximum: from any player to any other leads a chain of points.

    Ford's condition (1957). Coefficients of features change nothing about it as long as a penalty
    holds them.

    Args:
        met: the rows.
        weights: [weightings, rows], at least 0.
    """
    scored = _by_pair(weights * met.points, met) > 0
    lost = _by_pair(weights * (1.0 - met.points), met) > 0
    reach = np.zeros((len(weights), met.players, met.players), dtype=np.float32)
    reach[:] = np.eye(met.players)
    reach[:, met.first, met.second] = scored
    reach[:, met.second, met.first] = lost
    for _ in range(max(1, met.players - 1).bit_length()):
        reach = (reach @ reach > 0).astype(np.float32)
    return np.asarray((reach > 0).all(axis=(1, 2)))


def most_likely(
    met: Matchups,
    weights: Matrix,
    draws: Matrix | float = 0.0,
    penalty: float = 0.0,
    start: Matrix | None = None,
    free: Matrix | None = None,
) -> Matrix:
    """The most likely ratings and coefficients of many weightings of the same rows.

    Newton's method, each step shortened to log(1 + s) / s of it, where s is the most that it moves
    any row's logit: with that length it goes to the maximum from wherever it begins, since the
    logistic function's third derivative is at most its second (Sun and Tran-Dinh, 2019).

    Args:
        met: rows; who met whom ties all players together.
        weights: [weightings, rows] how often each row counts.
        draws: [weightings] games added, drawn, to each pair that met, its features equal. Where
            `are_bounded` says no there must be some.
        penalty: half of it times the sum of squared coefficients is taken off the log-likelihood.
        start: [players + features] where to begin.
        free: [players + features, directions] in which alone to move; None: in all.

    Returns:
        [weightings, players + features] in logits (times SCALE: Elo), the mean rating 0.
    """
    count = max(1, AT_A_TIME // max(1, len(met.points)))
    added = np.broadcast_to(np.asarray(draws, dtype=np.float64), (len(weights),))
    size = met.players + met.features.shape[1]
    found = np.zeros((len(weights), size))
    found[:] = 0.0 if start is None else start
    ways = np.eye(size) if free is None else free
    for begin in range(0, len(weights), count):
        part = slice(begin, begin + count)
        found[part] = _newton(met, weights[part], added[part], penalty, found[part], ways)
    return found


def _newton(
    met: Matchups, weights: Matrix, draws: Matrix, penalty: float, at: Matrix, ways: Matrix
) -> Matrix:
    players, incidence, features = met.players, met.incidence, met.features
    drawn = draws[:, None]
    for _ in range(MOST_STEPS):
        ahead, coefficients = at[:, :players] @ incidence.T, at[:, players:]
        chance = _sigmoid(ahead[:, met.pair] + coefficients @ features.T)
        missed = weights * (met.points - chance)
        slope = weights * chance * (1.0 - chance)
        tied = _sigmoid(ahead)
        by_pair = _by_pair(missed, met) + drawn * (0.5 - tied)
        steep = _by_pair(slope, met) + drawn * tied * (1.0 - tied)
        gradient = np.concatenate(
            [by_pair @ incidence, missed @ features - penalty * coefficients], axis=1
        )
        curvature = ways.T @ _curvature(met, incidence, slope, steep, penalty) @ ways
        step = np.linalg.solve(curvature, (gradient @ ways)[:, :, None])[:, :, 0] @ ways.T
        step[:, :players] -= step[:, :players].mean(axis=1, keepdims=True)
        moved = np.abs(step[:, :players] @ incidence.T)[:, met.pair] + np.abs(
            step[:, players:] @ features.T
        )
        longest = np.maximum(moved.max(axis=1, initial=0.0), CLOSE_LOGITS)
        at = at + step * (np.log1p(longest) / longest)[:, None]
        if np.abs(step).max(initial=0.0) < CLOSE_LOGITS:
            break
    return at


def _curvature(
    met: Matchups, incidence: Matrix, slope: Matrix, steep: Matrix, penalty: float
) -> Matrix:
    """[weightings, size, size] minus the second derivative, made regular along equal ratings."""
    players, features = met.players, met.features
    size = players + features.shape[1]
    found = np.zeros((len(slope), size, size))
    found[:, met.first, met.second] = -steep
    found[:, met.second, met.first] = -steep
    diagonal = np.arange(players)
    found[:, diagonal, diagonal] = steep @ np.abs(incidence)
    # No rating moves by it: steps along "all alike" are no use, and the gradient has none.
    found[:, :players, :players] += steep.mean(axis=1, keepdims=True)[:, :, None]
    for number, column in enumerate(features.T):
        weighed = slope * column
        across = _by_pair(weighed, met) @ incidence
        found[:, :players, players + number] = across
        found[:, players + number, :players] = across
        found[:, players + number, players:] = weighed @ features
        found[:, players + number, players + number] += penalty
    return found


def _by_pair(rows: Matrix, met: Matchups) -> Matrix:
    """[weightings, pairs] sums of [weightings, rows]."""
    summed: Matrix = np.add.reduceat(rows, met.begins, axis=1)
    return summed


def _sigmoid(logits: Matrix) -> Matrix:
    chance: Matrix = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return chance
