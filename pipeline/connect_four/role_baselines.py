"""Baselines by role, for self-play: what the first player usually earns, and the second.

In a zero-sum game of a policy with itself the mean reward of a batch is zero whatever happens, and
who moves first may have the edge: so each role's reward is held against that role's own running
mean (SPIRAL's role-conditioned advantage estimation, arXiv 2506.24119).
"""

from collections.abc import Sequence
from typing import NamedTuple


class RoleBaselines(NamedTuple):
    """A running mean of each role's rewards."""

    first: float = 0.0
    second: float = 0.0

    def after(self, reward: float, decay: float) -> "RoleBaselines":
        """The means after one more game.

        Args:
            reward: the first player's; the second one's is its negative.
            decay: of the means.
        """
        return RoleBaselines(
            decay * self.first + (1 - decay) * reward,
            decay * self.second - (1 - decay) * reward,
        )


def before_each(
    rewards: Sequence[float], start: RoleBaselines, decay: float
) -> list[RoleBaselines]:
    """The means before each game, from which its advantages are taken.

    A game's own reward is in no mean that it is held against, or the gradient would be biased.

    Args:
        rewards: the first player's, in the games' order.
        start: before the first of them.
        decay: of the means.
    """
    found = []
    for reward in rewards:
        found.append(start)
        start = start.after(reward, decay)
    return found
