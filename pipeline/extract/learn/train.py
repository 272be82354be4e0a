"""Trains the block classifier: python -m pipeline.extract.learn.train DATA_FOLDER OUT [--check].

Lexicon, first forest and second forest are each fitted on pages whose inputs come from parts that
never saw the page's host (cross-fitting over three folds of hosts), then once more on everything.
With --check every fifth host is left out and the scores on those are printed instead of a file
being written. A page weighs the same whatever its length: the measure is a mean over pages.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np

from pipeline.extract import features
from pipeline.extract.classify import Model, sigmoid
from pipeline.extract.forest import Trees, save
from pipeline.extract.hints import PATTERNS
from pipeline.extract.learn.convert import trees_of
from pipeline.extract.learn.gold_pages import FOLDS, GoldPage, read
from pipeline.extract.learn.shingles import page_scores
from pipeline.extract.learn.word_weights import hosts_of_words, lexicon_of
from pipeline.extract.segment import FLAGS

THRESHOLD = 0.5
LENGTH_POWER = 0.7  # of a block's share of the page: 0 weighs blocks equally, 1 by characters
SHARED = {
    "objective": "cross_entropy",  # labels are shares
    "feature_fraction": 0.2,
    "bagging_fraction": 0.4,
    "bagging_freq": 1,
    "lambda_l2": 2.0,
    "min_data_in_leaf": 40,
    "max_bin": 63,
    "num_threads": 1,  # threads that wait for one another cost more than they bring
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
    "seed": 1,
}
FIRST = {**SHARED, "learning_rate": 0.1, "num_leaves": 31, "max_depth": 8}
SECOND = {**SHARED, "learning_rate": 0.07, "num_leaves": 47, "max_depth": 9}
FIRST_TREES, SECOND_TREES = 90, 180
# Most of a page is furniture far from any main text, and easy: only every FAR_EVERYth such block is
# used for training, with that many times the weight.
FAR_BLOCKS = 25
FAR_EVERY = 4


def weights_of(page: GoldPage) -> np.ndarray:
    """[blocks]: a weight for each block, 0 without a label."""
    total = page.tokens.sum()
    kept = float(np.nansum(page.labels * page.tokens))
    share = (page.tokens + 3) / (max(kept, 0.2 * total) + 100)
    return np.minimum(share, 1) ** LENGTH_POWER * np.isfinite(page.labels) * page.weight


def thinned(page: GoldPage, weights: np.ndarray) -> np.ndarray:
    """The weights, those of furniture far from main text concentrated on a few blocks."""
    wanted = np.flatnonzero(np.nan_to_num(page.labels) > 0)
    if not len(wanted):
        return weights
    rows = np.arange(len(weights))
    after = np.searchsorted(wanted, rows)
    following = wanted[np.minimum(after, len(wanted) - 1)]
    before = wanted[np.maximum(after - 1, 0)]
    far = np.minimum(abs(following - rows), abs(rows - before)) > FAR_BLOCKS
    kept = np.where(rows % FAR_EVERY == 0, FAR_EVERY * weights, 0)
    return np.where(far, kept, weights)


def fit(parameters: dict, trees: int, matrix: np.ndarray, labels: np.ndarray,
        weights: np.ndarray) -> lightgbm.Booster:  # fmt: skip
    """A booster trained on the rows with a weight."""
    rows = weights > 0
    data = lightgbm.Dataset(matrix[rows], labels[rows], weight=weights[rows] / weights[rows].mean())
    return lightgbm.train(parameters, data, trees)


def train(pages: list[GoldPage], say: Callable[[str], None] = print) -> tuple[Trees, Trees, bytes]:
    """Train the first forest, the second forest and the lexicon."""
    labels = np.concatenate([page.labels for page in pages])
    weights = np.concatenate([thinned(page, weights_of(page)) for page in pages])
    folds = np.repeat([page.fold for page in pages], [len(page.labels) for page in pages])
    matrices = []
    counts = [hosts_of_words(page for page in pages if page.fold == f) for f in range(FOLDS)]
    known = np.sum(counts, axis=0)
    lexicons = [lexicon_of(known - counts[fold]) for fold in range(FOLDS)]
    say("lexicon")
    for page in pages:
        matrices.append(features.first(page.segments, lexicons[page.fold]))
    matrix = np.concatenate(matrices)
    width = len(features.FIRST)
    opinion = np.zeros(len(matrix))
    for fold in range(FOLDS):
        inside = folds == fold
        booster = fit(FIRST, FIRST_TREES, matrix[~inside, :width], labels[~inside],
                      weights[~inside])  # fmt: skip
        opinion[inside] = booster.predict(matrix[inside, :width], raw_score=True)
        say(f"first forest, fold {fold + 1} of {FOLDS}")
    first = fit(FIRST, FIRST_TREES, matrix[:, :width], labels, weights)
    say("first forest")
    at = 0
    for page in pages:
        end = at + len(page.labels)
        features.second(page.segments, sigmoid(opinion[at:end]), matrix[at:end])
        at = end
    second = fit(SECOND, SECOND_TREES, matrix, labels, weights)
    say("second forest")
    names = features.FIRST + features.SECOND
    return (
        trees_of(first.dump_model(), names[:width]),
        trees_of(second.dump_model(), names),
        lexicon_of(known),
    )


def facts_of(pages: list[GoldPage]) -> dict[str, object]:
    """Facts stored in the model file; flags and hints are columns known by their index."""
    collections = sorted({page.collection for page in pages})
    return {
        "threshold": THRESHOLD,
        "pages": {name: sum(p.collection == name for p in pages) for name in collections},
        "hints": list(PATTERNS),
        "flags": list(FLAGS),
    }


def check(pages: list[GoldPage], model: Model) -> None:
    """Print F1, precision and recall on pages with gold text, by collection and kind."""
    scores: dict[str, list[tuple[float, float]]] = {}
    for page in pages:
        if page.gold:
            keep = model.classify(page.segments)[0]
            texts = [t for t, kept in zip(page.segments.texts, keep, strict=True) if kept]
            pair = page_scores("\n".join(texts), page.gold)
            for name in dict.fromkeys((page.collection, f"{page.collection} {page.kind}".strip())):
                scores.setdefault(name, []).append(pair)
    for name in sorted(scores):
        precision, recall = np.mean(scores[name], axis=0)
        f1 = 2 * precision * recall / (precision + recall)
        print(f"{name:24} {len(scores[name]):5} pages  F1 {f1:.4f}  {precision:.4f} {recall:.4f}")


def main(arguments: list[str]) -> None:
    """Train on a folder of gold pages, and write or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, help="the model's file, blocks.forest")
    parser.add_argument("--check", action="store_true", help="leave every fifth host out, score")
    parser.add_argument("--skip-hosts", type=Path, help="a file of hosts that are not trained on")
    options = parser.parse_args(arguments)
    if options.out.is_dir() or not options.out.absolute().parent.is_dir():
        parser.error(f"{options.out}: name a file in a folder that exists")
    skip: frozenset[str] = frozenset()
    if options.skip_hosts:
        lines = options.skip_hosts.read_text().split()
        skip = frozenset(line.removeprefix("www.") for line in lines)
    pages = list(read(options.folder, skip))
    used = [page for page in pages if not (options.check and page.held_out)]
    first, second, lexicon = train(used)
    save(options.out, {"first": first, "second": second}, facts_of(used), lexicon)
    if options.check:
        check([page for page in pages if page.held_out], Model.read(options.out))


if __name__ == "__main__":
    main(sys.argv[1:])
