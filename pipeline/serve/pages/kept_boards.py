"""Leaderboards that were worked out already: one of ten thousand votes takes two seconds.

A vote never changes, so what a store's first n votes say is the same each time.
"""

import threading
from pathlib import Path

from starlette.requests import Request

from pipeline.evals.contender_names import shown_votes
from pipeline.evals.vote_ratings import Leaderboard, LeaderboardConfig, leaderboard
from pipeline.evals.vote_store import opened_votes

MOST_KEPT = 8  # with and without style, for a few stores; ours


class KeptBoards:
    """Of one application; from several threads at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Path, int, LeaderboardConfig], Leaderboard] = {}

    def board(self, votes: Path, config: LeaderboardConfig) -> Leaderboard | None:
        """What a store's votes say; None: there are none yet."""
        if not votes.is_file():
            return None
        with opened_votes(votes) as store:
            count = store.vote_count()
            if not count:
                return None
            key = (votes, count, config)
            # Whoever else wants one waits: it would take as long to work it out beside this one.
            with self._lock:
                found = self._kept.pop(key, None)
                if found is None:
                    found = leaderboard(shown_votes(store.votes()), config)
                self._kept[key] = found
                while len(self._kept) > MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
        return found


def boards_of(request: Request) -> KeptBoards:
    """The application's."""
    found: KeptBoards = request.app.state.boards
    return found
