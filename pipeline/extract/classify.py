"""Which blocks of a page are its main text: two forests over features.py's columns.

The first forest judges each block by itself and its surroundings. The second also sees the first
one's probabilities of neighbours, containers and blocks marked up alike, which fills gaps in lists
and tables and removes furniture (navigation, advertisements and the like) between paragraphs. Then
the page as a whole: its headline and blocks far after the main text's end are removed. The
confidence is the expected F1 of the kept text by the probabilities themselves.
"""

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np

from pipeline.extract import _forest, features, forest
from pipeline.extract.headline import COVER, SHARE
from pipeline.extract.segment import FLAG, TAGS, Segments

MODEL = Path(__file__).with_name("blocks.forest")
STEPS = 4096  # probabilities are rounded: no machine's exp() may move a block across a threshold
UNSURE = 0.6  # expected F1 of the best cut, below which the threshold is lowered
SCRIPTLESS = np.uint64(FLAG["noscript"])
SCRIPTLESS_PAGE = 0.8  # share of the text in <noscript> from which on it is the page
GAP = 0.1  # what a character of furniture inside the main text costs, against one of main text
LINES = [
    TAGS.index(tag) for tag in ("p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "td", "th")
]
# A heading that repeats the page's title is its headline and no main text (headline.py gives it).
TITLE_SHARE, TITLE_COVER = (features.FIRST.index(name) for name in ("title_share", "title_cover"))


def sigmoid(raw: np.ndarray) -> np.ndarray:
    """Probabilities as float32, rounded to STEPS steps."""
    odds = np.exp(-np.minimum(np.maximum(raw, -30), 30))
    return np.rint(STEPS / (1 + odds)).astype(np.float32) / np.float32(STEPS)


@dataclasses.dataclass(frozen=True)
class Model:
    """A block classifier, loaded from its file."""

    first: _forest.Forest
    second: _forest.Forest
    lexicon: bytes
    threshold: float

    @classmethod
    def read(cls, path: Path) -> "Model":
        """The model of a file."""
        forests, facts, lexicon = forest.load(path)
        names = features.FIRST + features.SECOND
        return cls(
            forests["first"].compiled(names[: len(features.FIRST)]),
            forests["second"].compiled(names),
            lexicon,
            float(facts["threshold"]),  # type: ignore[arg-type]
        )

    def classify(self, segments: Segments) -> tuple[np.ndarray, np.ndarray, float]:
        """Classify a page's blocks.

        Returns:
            Which blocks to keep, [blocks] bool; the probability of each, [blocks] float32; and the
            confidence, 0..1.
        """
        if not segments.texts:
            return np.zeros(0, bool), np.zeros(0, np.float32), 0.0
        matrix = features.first(segments, self.lexicon)
        features.second(segments, sigmoid(forest.predict(self.first, matrix)), matrix)
        probability = sigmoid(forest.predict(self.second, matrix))
        mass = segments.table["characters"].astype(np.float64)
        scriptless = (segments.table["flags"] & SCRIPTLESS) > 0
        # Some forums give browsers without scripts the whole page, and others nothing.
        if scriptless.any() and mass[scriptless].sum() <= SCRIPTLESS_PAGE * mass.sum():
            probability[scriptless] = 0
        probability[hidden_lines(segments)] = 0
        probability[headlines(segments, matrix)] = 0
        keep = np.zeros(len(mass), bool)
        inside = body(probability, mass, self.threshold)
        keep[inside] = probability[inside] > cut(probability, mass, self.threshold)
        return keep, probability, expected_f1(keep, probability, mass)


def hidden_lines(segments: Segments) -> np.ndarray:
    """[blocks] bool: paragraphs, items and the like that are hidden by their own attributes.

    What a page hides and shows on demand (panels, answers, tabs) is a box around such blocks.
    """
    container = segments.containers[segments.table["container"]]
    hidden = (segments.table["flags"] & np.uint64(FLAG["hidden"])) > 0
    return hidden & (container["hidden"] > 0) & np.isin(container["tag"], LINES)


def headlines(segments: Segments, matrix: np.ndarray) -> np.ndarray:
    """[blocks] bool: headings that have the words of the page's title."""
    said = (matrix[:, TITLE_SHARE] >= SHARE) & (matrix[:, TITLE_COVER] >= COVER)
    return said & (segments.table["heading_level"] > 0)


def body(probability: np.ndarray, mass: np.ndarray, threshold: float) -> slice:
    """The blocks from the beginning to the end of the main text.

    It is the run of blocks with the best sum: characters above the threshold add to it, those below
    subtract GAP each. A few sentences after a long stretch of furniture (a teaser, a comment, the
    publisher's address) are not worth the gap; the second half of an article after a box is.
    """
    gain = mass * (probability - threshold)
    total = np.zeros(len(mass) + 1)
    np.maximum(gain, GAP * gain).cumsum(out=total[1:])
    end = int((total - np.minimum.accumulate(total)).argmax())
    return slice(int(total[: end + 1].argmin()), end)


def cut(probability: np.ndarray, mass: np.ndarray, threshold: float) -> float:
    """The threshold, or a lower one on a page where every cut has a low expected F1.

    The F1 that probabilities promise is greatest where everything above half of that F1 is kept
    (Lipton, Elkan and Naryanaswamy 2014). On sure pages that is the threshold itself, nearly.
    """
    order = (-probability).argsort(kind="stable")
    right = (probability * mass)[order].cumsum()
    best = float((2 * right / (mass[order].cumsum() + right[-1])).max())
    return threshold if best >= UNSURE else min(threshold, best / 2)


def expected_f1(keep: np.ndarray, probability: np.ndarray, mass: np.ndarray) -> float:
    """The expected F1 of the kept blocks by their probabilities; 0 if nothing is kept."""
    kept = float(mass[keep].sum())
    if kept == 0:
        return 0.0
    right = float((mass * probability)[keep].sum())
    return 2 * right / (kept + float((mass * probability).sum()))


@cache
def preload() -> Model:
    """The committed model; call it before a process is forked."""
    return Model.read(MODEL)


def classify(segments: Segments) -> tuple[np.ndarray, np.ndarray, float]:
    """Classify a page's blocks by the committed model; see `Model.classify`."""
    return preload().classify(segments)
