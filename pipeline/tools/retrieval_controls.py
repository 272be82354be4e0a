"""What search is measured against: passages at random, and none at all.

A model that answers as well with these has not used what it found.
"""

import random

from pipeline.tools.retrieval import FoundPassage, SearchIndex


class RandomRetriever:
    """Passages of an index that have nothing to do with the query: the same for the same query."""

    def __init__(self, index: SearchIndex, seed: int = 0) -> None:
        self.index = index
        self.seed = seed

    def search(self, query: str, count: int, seconds: float) -> list[FoundPassage]:
        """Different passages, drawn by seed and query; more begin with those that fewer are."""
        rng = random.Random(f"{self.seed}:passages:{query!a}")
        drawn: dict[int, None] = {}
        while len(drawn) < min(count, self.index.passages):
            drawn[rng.randint(1, self.index.passages)] = None
        return [self.index.passage(number) for number in drawn]

    def close(self) -> None:
        """Close the index."""
        self.index.close()


class EmptyRetriever:
    """Finds nothing."""

    def search(self, query: str, count: int, seconds: float) -> list[FoundPassage]:
        """Nothing."""
        return []

    def close(self) -> None:
        """Nothing is held."""
