"""A page's score by a fastText quality model: the probability of the label of good pages.

Reads models that `quality_model` trained and others of the kind, such as DCLM's published one: text
in one line, a label for good pages. Scores are rounded to six decimals, so that a share of the best
pages can be selected exactly by counting (`threshold_of_best`), and a last bit that differs between
machines changes nothing.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from storage.errors import UserError

POSITIVE_LABEL = "__label__hq"  # as in DCLM's published model
NEGATIVE_LABEL = "__label__cc"
DECIMALS = 6
_STEPS = 10**DECIMALS


class QualityModel:
    """A model file, loaded once a process.

    Args:
        file: the model.
        label: of good texts.
        max_characters: of a text, the rest is not read.

    Raises:
        UserError: there is no such file, it is no fastText model, or has no such label.
    """

    def __init__(
        self, file: Path, label: str = POSITIVE_LABEL, max_characters: int = 20_000
    ) -> None:
        if not file.is_file():
            raise UserError(f"no quality model at {file}")
        from fasttext.FastText import _FastText

        try:
            # The module's load_model prints a warning and the wrapper's predict fails under
            # numpy 2; this is the call inside it.
            self._predict: Any = _FastText(str(file)).f.predict
        except ValueError as error:
            raise UserError(f"{file}: no fastText model ({error})") from error
        labels = [found for _, found in self._predict("a\n", -1, 0.0, "strict")]
        if label not in labels:
            raise UserError(f"{file}: no label {label} in this model (it has {', '.join(labels)})")
        self._label = label
        self._max_characters = max_characters

    def score(self, text: str) -> float:
        """The score of a text, 0..1; 0 for a text without words."""
        line = as_line(text, self._max_characters)
        for probability, label in self._predict(line + "\n", -1, 0.0, "strict"):
            if label == self._label:
                return round(min(1.0, max(0.0, float(probability))), DECIMALS)
        return 0.0

    def scores(self, texts: Iterable[str]) -> np.ndarray:
        """[texts] float64: the score of each text."""
        return np.array([self.score(text) for text in texts], np.float64)


def as_line(text: str, max_characters: int) -> str:
    """A text as fastText's input: one line, without characters that fastText interprets."""
    line = " ".join(text[:max_characters].split())
    # these end a line, begin a label, or end a word inside the library
    line = line.replace("\0", " ").replace("</s>", "< /s>")
    return line.replace("__label__", "__label_").encode("utf-8", "replace").decode()


def count_scores(scores: Iterable[np.ndarray]) -> np.ndarray:
    """[10**DECIMALS + 1] int64, how many pages have each rounded score; counts can be added.

    Args:
        scores: [pages] of each part.
    """
    counts = np.zeros(_STEPS + 1, np.int64)
    for part in scores:
        steps = np.rint(np.asarray(part, np.float64) * _STEPS).astype(np.int64)
        counts += np.bincount(np.clip(steps, 0, _STEPS), minlength=_STEPS + 1)
    return counts


def threshold_of_best(counts: np.ndarray, fraction: float) -> float:
    """The score that the best `fraction` of all pages reach: keep pages with at least this score.

    Exact, whatever the order of the parts, in 8 MB for any number of pages: rounded scores are
    counted. Pages that tie with the last one are all kept; 0 for no pages.

    Args:
        counts: of `count_scores`.
        fraction: above 0, at most 1.

    Raises:
        UserError: there is no such fraction.
    """
    total = int(counts.sum())
    if not total:
        return 0.0
    wanted = int(np.ceil(round(total * fraction, 9)))
    reaching = np.cumsum(counts[::-1])[::-1]  # pages with at least this score
    return int(np.flatnonzero(reaching >= wanted)[-1]) / _STEPS
