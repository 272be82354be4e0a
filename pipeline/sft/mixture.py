"""How often the conversations of each source are seen: by epochs, or by weights.

In: entries `SOURCE=NUMBER`, SOURCE a source of the conversations or a pattern of some
(`imported/*`); the first entry that fits counts. Out: for each conversation how often a pass over
the set holds it. By epochs the number is that, and what no entry names is seen once. By weights it
is the source's share of the tokens, for all its conversations together; then every source must be
named, and a pass holds the scarcest of them once and others in part, another part each pass.
"""

import fnmatch
import math
from collections.abc import Sequence

import numpy as np

from storage.errors import UserError

UNITS = ("epochs", "weights")
MOST_EPOCHS = 1_000.0  # of a source in a pass: beyond is a mistake


def entries_of(mixture: Sequence[str]) -> list[tuple[str, float]]:
    """The entries as patterns and numbers.

    Raises:
        ValueError: one is no `SOURCE=NUMBER`.
    """
    found = []
    for entry in mixture:
        pattern, equals, number = entry.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not pattern.strip() or not 0 <= value <= MOST_EPOCHS:
            raise ValueError(
                f"{entry!r}: write SOURCE=NUMBER, the number from 0 to {MOST_EPOCHS:g}"
            )
        found.append((pattern.strip(), value))
    return found


def epochs_of(
    sources: Sequence[str], tokens: Sequence[int], mixture: Sequence[str], unit: str
) -> dict[str, float]:
    """How often a pass holds the conversations of each source; 0: never.

    Args:
        sources: of each conversation.
        tokens: of each conversation.
        mixture: entries; none: each source once.
        unit: of UNITS.

    Raises:
        UserError: an entry that names no source, a source without weight, or nothing is left.
    """
    entries = entries_of(mixture)
    sizes: dict[str, int] = {}
    for source, size in zip(sources, tokens):
        sizes[source] = sizes.get(source, 0) + size
    there = ", ".join(sorted(sizes))
    for pattern, _ in entries:
        if not any(fnmatch.fnmatchcase(source, pattern) for source in sizes):
            raise UserError(f"sft.mixture: no source {pattern}: there are {there}")
    named = {source: _number(source, entries) for source in sorted(sizes)}
    if unit == "epochs" or not entries:
        epochs = {source: 1.0 if value is None else value for source, value in named.items()}
    else:
        epochs = _by_weights(named, sizes)
    if not any(epochs.values()):
        raise UserError(f"sft.mixture: nothing is left of {there}")
    return epochs


def _by_weights(named: dict[str, float | None], sizes: dict[str, int]) -> dict[str, float]:
    weights = {source: value for source, value in named.items() if value is not None}
    if missing := sorted(named.keys() - weights.keys()):
        raise UserError(
            f"sft.mixture: no weight for {', '.join(missing)}: name it, or add '*=0' to leave out"
            " what isn't named"
        )
    wanted = {source: weight for source, weight in weights.items() if weight}
    if not wanted:
        return dict.fromkeys(named, 0.0)
    # the tokens of a pass for each unit of weight
    unit = min(sizes[source] / weight for source, weight in wanted.items())
    return {source: weights[source] * unit / sizes[source] for source in named}


def _number(source: str, entries: list[tuple[str, float]]) -> float | None:
    fitting = (value for pattern, value in entries if fnmatch.fnmatchcase(source, pattern))
    return next(fitting, None)


class Passes:
    """Which conversations each pass over the set holds, and how often.

    A conversation that is seen r times a pass is, after k passes, seen k r times to within one; of
    all with the same r a pass holds the same number to within one. So of a source that is seen in
    part, every conversation comes once before one comes twice.

    Args:
        epochs: of each conversation, how often a pass holds it.
        seed: of which ones a pass holds, where it holds a part.

    Raises:
        UserError: a pass would be empty.
    """

    def __init__(self, epochs: Sequence[float], seed: int) -> None:
        self._epochs = np.asarray(epochs, dtype=np.float64)
        self._offsets = np.zeros(len(self._epochs))
        most = 0.0
        for number, value in enumerate(np.unique(self._epochs)):
            members = np.flatnonzero(self._epochs == value)
            order = np.random.default_rng([seed, 1, number]).permutation(len(members))
            # the middles of equal parts of [0, 1): whole numbers lie between none of them
            self._offsets[members] = (order + 0.5) / len(members)
            most = max(most, value * len(members))
        if most < 1:
            raise UserError("sft.mixture: a pass holds less than one conversation: raise a number")

    def indices(self, number: int) -> np.ndarray:
        """The conversations of a pass, in their order, each as often as it is seen."""
        before, after = (
            np.floor(self._epochs * (number + step) + self._offsets) for step in (0, 1)
        )
        return np.repeat(np.arange(len(self._epochs)), (after - before).astype(np.int64))
