"""How few votes, had they gone the other way, would have put another model first.

A vote that one model won is given to the other, a tie to either: the smallest number of such
changes after which some model's rating is above that of the one that is first now.

For ratings without style the number is exact wherever the first model has won as many votes against
the challenger as it takes. Hold the two at one rating and find the most likely ratings under that:
the challenger passes as soon as it has more points than are then expected of it. A vote between
the two, given to the challenger, moves that difference by exactly 1, since together they keep their
points and all ratings stay. Any other vote from x to y moves it by the share of a current, sent
through the network of matches from y to x, that leaves by the challenger and not by the first:
by at most 1. So no fewer will do. Where those votes don't suffice, or with style control, votes are
looked for one after another, those of the most effect first: then the number is one that does it
(`at_most`), between it and `at_least`.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.evals.bradley_terry import Matchups, most_likely

Matrix = npt.NDArray[np.float64]

ABOVE = 1e-7  # points: what the challenger must have more than is expected; less is rounding
LEAST_DRAWS = 1e-9  # of each pair: a changed vote may leave someone who never lost, without end
ALL_AT_ONCE = 0.5  # of what is missing: so much is changed before effects are measured again


@dataclasses.dataclass(frozen=True)
class FlippedVotes:
    """What the first place hangs by."""

    first: int  # the player who is first
    then: int  # the one that would pass it
    at_least: int  # no fewer changed votes do it
    at_most: int  # so many do

    @property
    def is_exact(self) -> bool:
        return self.at_least == self.at_most


def flipped_votes(met: Matchups, draws: float = 0.0, penalty: float = 0.0) -> FlippedVotes:
    """The fewest changed votes that put another first.

    Args:
        met: the votes, of two players or more, all tied together.
        draws: as in `most_likely`; no vote, and not changed.
        penalty: likewise.

    Returns:
        The number. All votes given to the other side turn the order round, so there is one.
    """
    draws = max(draws, LEAST_DRAWS)
    (found,) = most_likely(met, met.counts[None], draws, penalty)
    ratings = found[: met.players]
    first = int(np.argmax(ratings))
    trials = []
    for other in range(met.players):
        if other != first:
            trial = _Trial(met, draws, penalty, first, other)
            trials.append((trial.missing(met.points * met.counts, found).points, other, trial))
    decided = float(met.counts[met.points != 0.5].sum())
    # Where all are ties, all are level, and what one challenger's trial finds is one vote.
    least, best, then = math.inf, decided or math.inf, int(np.argmin(ratings))
    for missing, other, trial in sorted(trials, key=lambda one: one[:2]):
        # With style a vote's features too have an effect, and it has no bound.
        needed = 1 if met.features.shape[1] else math.floor(missing + ABOVE) + 1
        least = min(least, needed)
        if needed < best:
            count = trial.changed(found, best)
            if count < best:
                best, then = count, other
    return FlippedVotes(first, then, int(min(least, best)), int(best))


class _Missing(NamedTuple):
    points: float  # by which the challenger falls short of what is expected of it
    moves: Matrix  # [rows] what one vote of a row, changed, gives the row's lower player
    gains: Matrix  # [rows] … and makes up of what is missing
    fitted: Matrix  # ratings and coefficients with the two held alike


@dataclasses.dataclass(frozen=True)
class _Trial:
    """One challenger."""

    met: Matchups
    draws: float
    penalty: float
    first: int
    other: int

    def missing(self, points: Matrix, start: Matrix) -> _Missing:
        """Where the challenger stands if rows have so many points in all."""
        met, players = self.met, self.met.players
        size = players + met.features.shape[1]
        alike = np.delete(np.eye(size), self.other, axis=1)
        alike[self.other] = alike[self.first]
        at = start.copy()
        at[[self.first, self.other]] = at[[self.first, self.other]].mean()
        given = dataclasses.replace(met, points=points / met.counts)
        (fitted,) = most_likely(given, met.counts[None], self.draws, self.penalty, at, alike)
        # Rows as one matrix, with the draws as rows of their own.
        design = np.hstack([met.incidence[met.pair], met.features])
        drawn = np.hstack([met.incidence, np.zeros((len(met.first), size - players))])
        all_rows = np.vstack([design, drawn])
        counts = np.concatenate([met.counts, np.full(len(drawn), self.draws)])
        had = np.concatenate([points, np.full(len(drawn), self.draws / 2)])
        chance = 1.0 / (1.0 + np.exp(-all_rows @ fitted))
        short = -float(all_rows[:, self.other] @ (had - counts * chance))
        curvature = (all_rows * (counts * chance * (1.0 - chance))[:, None]).T @ all_rows
        curvature[range(players, size), range(players, size)] += self.penalty
        rest = [at for at in range(size) if at not in (self.first, self.other)]
        pull = np.linalg.solve(curvature[np.ix_(rest, rest)], curvature[rest, self.other])
        up = design[:, self.other] - design[:, rest] @ pull  # one point more to the row's lower
        moves = np.select([met.points == 1.0, met.points == 0.0], [-1.0, 1.0], np.sign(up) / 2)
        return _Missing(short, moves, moves * up, fitted)

    def changed(self, start: Matrix, most: float) -> float:
        """So many changed votes put the challenger above; infinity: none, or none below `most`."""
        met = self.met
        points, left = met.points * met.counts, met.counts.copy()
        state, count = self.missing(points, start), 0
        while state.points > -ABOVE:
            gains = np.where(left > 0, state.gains, 0.0)
            goal, changed = state.points * ALL_AT_ONCE, 0
            for row in np.argsort(-gains, kind="stable").tolist():
                gain = gains[row]
                alike = max(math.floor(goal / gain), 1 - changed) if gain > ABOVE else 0
                number = int(min(left[row], alike))
                points[row] += number * state.moves[row]
                left[row] -= number
                goal -= number * gain
                changed += number
                if number == 0 or left[row]:  # a vote of more effect is still there
                    break
            count += changed
            if changed == 0 or count >= most:
                return math.inf
            state = self.missing(points, state.fitted)
        return count
