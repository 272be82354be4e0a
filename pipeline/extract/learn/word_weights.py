"""Word weights from labelled pages: the log odds of main text against furniture, by naive Bayes.

Words, the first two, the last two and the whole of a short text are hashed into one table. A host
counts once for a word on either side, so that no site's own furniture dominates, and a word needs
several hosts to have a weight.
"""

import math
from collections.abc import Iterable

import numpy as np

from pipeline.extract import _features
from pipeline.extract.learn.gold_pages import GoldPage

MIN_HOSTS = 4
SHORT = 40  # tokens; furniture is short, and prose would only teach the words of its topics
SMOOTHING = 1.0
STEP = 16  # a weight of 16 is a log odds of 1


def hosts_of_words(pages: Iterable[GoldPage]) -> np.ndarray:
    """How many hosts have each entry of the table as furniture (row 0) and as main text (row 1).

    Counts of pages that have no host in common may be added.
    """
    hosts: list[set[tuple[int, str]]] = [set(), set()]
    for page in pages:
        for text, label, count in zip(page.segments.texts, page.labels, page.tokens, strict=True):
            if count and count <= SHORT and (label >= 0.8 or label <= 0.2):
                side = hosts[int(label > 0.5)]
                side.update((place, page.host) for place in _features.keys(text))
    counts = np.zeros((2, _features.LEXICON + 1))
    for row, side in zip(counts, hosts, strict=True):
        np.add.at(row, [place for place, _ in side], 1)
    return counts[:, :-1]  # the last entry stands for "none"


def lexicon_of(counts: np.ndarray) -> bytes:
    """An int8 weight for each entry of the table."""
    unwanted, wanted = counts
    known = unwanted + wanted >= MIN_HOSTS
    prior = math.log((wanted.sum() + 1) / (unwanted.sum() + 1))
    weights = np.log((wanted + SMOOTHING) / (unwanted + SMOOTHING)) - prior
    return np.clip(np.round(weights * known * STEP), -127, 127).astype(np.int8).tobytes()
