"""How much of a page a model recites: its own words held against the page's, token by token.

In: what a model wrote after a page's beginning, and what the page itself goes on with. Out: how far
it is exact from the first token on, the longest run that both have, and the share of the page's
tokens that the model says in runs of `LEAST_RUN` or more, in the page's order: shorter ones any
text has in common with any other.
"""

import dataclasses
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

LEAST_RUN = 4  # tokens; ours


class Part(NamedTuple):
    """A piece of a text."""

    tokens: tuple[int, ...]
    is_shared: bool  # by both texts, as part of a run


@dataclasses.dataclass(frozen=True)
class Recitation:
    """Two texts held against each other."""

    exact: int  # tokens, from the first on
    longest: tuple[int, ...]  # the longest run of tokens that both have
    shared: int  # of the page's tokens, in runs
    expected: int  # all of the page's tokens
    said_parts: list[Part]
    expected_parts: list[Part]

    @property
    def share(self) -> float:
        """Of the page's tokens that are recited, 0..1."""
        return self.shared / self.expected if self.expected else 0.0


def compared(said: Sequence[int], expected: Sequence[int]) -> Recitation:
    """Hold what was said against what was to be said.

    Args:
        said: the model's tokens.
        expected: the page's, of the same tokenizer.
    """
    exact = next(
        (n for n, (a, b) in enumerate(zip(said, expected)) if a != b), min(len(said), len(expected))
    )
    matcher = SequenceMatcher(None, said, expected, autojunk=False)
    longest = matcher.find_longest_match()
    runs = [run for run in matcher.get_matching_blocks() if run.size >= LEAST_RUN]
    return Recitation(
        exact,
        tuple(said[longest.a : longest.a + longest.size]),
        sum(run.size for run in runs),
        len(expected),
        _parts(said, [(run.a, run.size) for run in runs]),
        _parts(expected, [(run.b, run.size) for run in runs]),
    )


def _parts(tokens: Sequence[int], runs: Sequence[tuple[int, int]]) -> list[Part]:
    made, place = [], 0
    for start, size in runs:
        made.append(Part(tuple(tokens[place:start]), False))
        made.append(Part(tuple(tokens[start : start + size]), True))
        place = start + size
    made.append(Part(tuple(tokens[place:]), False))
    return [part for part in made if part.tokens]
