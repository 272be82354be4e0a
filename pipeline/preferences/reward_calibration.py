"""How well scores predict who wins a comparison: accuracy and calibration, with intervals.

In: the scores of winners and losers, and which pairs share a prompt. Out: figures with 95%
intervals, and bins of a reliability picture. Scores say that the higher one wins with probability
sigmoid(distance), so confidence lies from a half to one, whichever answer stood first. Several
comparisons of one prompt are no independent ones: the bootstrap draws prompts.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NotRequired, TypedDict

import numpy as np

from pipeline.intervals import wilson

BINS = 10  # of equal width, over confidences from 0.5 to 1 (Guo et al. 2017 take 10 to 15 over all)


class PairFigures(TypedDict):
    """Of one model, or of several models' mean, on decided pairs."""

    pairs: int
    prompts: int
    # share of pairs whose winner has the higher score, equal scores half; the wider of Wilson's
    # interval and the bootstrap's over prompts
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    log_loss: float  # nats a pair: log 2 is what a coin gets
    log_loss_low: float  # these and the next: the bootstrap over prompts
    log_loss_high: float
    brier: float  # mean squared distance of P(winner) from 1: a coin gets 0.25
    brier_low: float
    brier_high: float
    ece: float  # mean distance of confidence and accuracy over BINS bins, weighted by their pairs
    ece_low: float
    ece_high: float


class AgreementFigures(TypedDict):
    """Of an ensemble's members, on decided pairs and all of their answers."""

    members: int
    # Pearson's, mean over pairs of members: of answers' scores, and of the distances within pairs,
    # which are all that pairs can teach
    score_correlation: float | None
    distance_correlation: float | None
    all_agree: float  # share of pairs that all members rank alike
    all_agree_low: float  # Wilson's
    all_agree_high: float


class ReliabilityRow(TypedDict):
    """A row of storage.schemas.RELIABILITY."""

    member: NotRequired[int | None]
    low: float
    high: float
    pairs: int
    confidence: float | None
    accuracy: float | None
    accuracy_low: float
    accuracy_high: float


def pair_figures(
    chosen: np.ndarray,  # [pairs]
    rejected: np.ndarray,  # [pairs]
    prompts: Sequence[str],
    draws: int,
    seed: int,
) -> PairFigures:
    """Figures of scores, one pair at least.

    Args:
        chosen: scores of the winners.
        rejected: scores of the losers.
        prompts: of each pair, what tells its prompt from others.
        draws: of prompts, for the intervals.
        seed: of the draws.
    """
    distance = chosen - rejected
    right, confidence = _right(distance), _confidence(distance)
    of_pair = {
        "accuracy": right,
        "log_loss": np.logaddexp(0.0, -distance),
        "brier": _sigmoid(-distance) ** 2,
    }
    place = _bin(confidence)
    names = {prompt: number for number, prompt in enumerate(dict.fromkeys(prompts))}
    group = np.array([names[prompt] for prompt in prompts])  # [pairs]
    columns = np.stack([*of_pair.values(), np.ones_like(distance)], axis=1)  # [pairs, 4]
    by_prompt = np.zeros((len(names), 4))
    np.add.at(by_prompt, group, columns)
    gaps = np.zeros((len(names), BINS))  # confidence less accuracy, summed
    np.add.at(gaps, (group, place), confidence - right)

    def figures(weights: np.ndarray) -> np.ndarray:  # [prompts] to [4]
        sums = weights @ by_prompt
        ece = np.abs(weights @ gaps).sum()
        found: np.ndarray = np.append(sums[:3], ece) / sums[3]
        return found

    accuracy, log_loss, brier, ece = figures(np.ones(len(names))).tolist()
    low, high = _bootstrap(figures, len(names), draws, seed)
    wilson_low, wilson_high = wilson(round(float(right.sum())), len(distance))
    return {
        "pairs": len(distance),
        "prompts": len(names),
        "accuracy": accuracy,
        "accuracy_low": min(low[0], wilson_low),
        "accuracy_high": max(high[0], wilson_high),
        "log_loss": log_loss,
        "log_loss_low": low[1],
        "log_loss_high": high[1],
        "brier": brier,
        "brier_low": low[2],
        "brier_high": high[2],
        "ece": ece,
        "ece_low": low[3],
        "ece_high": high[3],
    }


def reliability(chosen: np.ndarray, rejected: np.ndarray) -> list[ReliabilityRow]:
    """Confidence against accuracy in each bin; an empty bin has neither.

    Args:
        chosen: [pairs] scores of the winners.
        rejected: [pairs] scores of the losers.
    """
    distance = chosen - rejected
    right, confidence = _right(distance), _confidence(distance)
    place = _bin(confidence)
    rows: list[ReliabilityRow] = []
    for number in range(BINS):
        mine = place == number
        count, hits = int(mine.sum()), float(right[mine].sum())
        low, high = wilson(round(hits), count)
        rows.append(
            {
                "low": 0.5 + 0.5 * number / BINS,
                "high": 0.5 + 0.5 * (number + 1) / BINS,
                "pairs": count,
                "confidence": float(confidence[mine].mean()) if count else None,
                "accuracy": hits / count if count else None,
                "accuracy_low": low,
                "accuracy_high": high,
            }
        )
    return rows


def agreement_figures(chosen: np.ndarray, rejected: np.ndarray) -> AgreementFigures:
    """How alike an ensemble's members judge, two at least.

    Args:
        chosen: [members, pairs] scores of the winners.
        rejected: [members, pairs] scores of the losers.
    """
    distance = chosen - rejected
    signs = np.sign(distance)
    alike = int((signs == signs[0]).all(axis=0).sum())
    low, high = wilson(alike, distance.shape[1])
    return {
        "members": len(distance),
        "score_correlation": _correlation(np.concatenate([chosen, rejected], axis=1)),
        "distance_correlation": _correlation(distance),
        "all_agree": alike / distance.shape[1],
        "all_agree_low": low,
        "all_agree_high": high,
    }


def _right(distance: np.ndarray) -> np.ndarray:
    """1 where the winner has the higher score, half where both are equal, else 0."""
    found: np.ndarray = (np.sign(distance) + 1) / 2
    return found


def _confidence(distance: np.ndarray) -> np.ndarray:
    """The probability of the outcome that scores say is likelier, 0.5 to 1."""
    return _sigmoid(np.abs(distance))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.exp(-np.logaddexp(0.0, -x))
    return found


def _bin(confidence: np.ndarray) -> np.ndarray:
    """The number of each confidence's bin; 1 belongs to the last."""
    found: np.ndarray = np.minimum(((confidence - 0.5) * 2 * BINS).astype(np.int64), BINS - 1)
    return found


def _bootstrap(
    figures: Callable[[np.ndarray], np.ndarray], prompts: int, draws: int, seed: int
) -> tuple[list[float], list[float]]:
    """2.5% and 97.5% points of each figure, prompts drawn with replacement."""
    generator = np.random.default_rng(seed)
    found = [
        figures(np.bincount(generator.integers(0, prompts, prompts), minlength=prompts))
        for _ in range(draws)
    ]
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    return low.tolist(), high.tolist()


def _correlation(values: np.ndarray) -> float | None:
    """Pearson's, mean over pairs of rows; None where a row is constant."""
    if (values.std(axis=1) == 0).any():
        return None
    table = np.corrcoef(values)
    pairs = itertools.combinations(range(len(values)), 2)
    return float(np.mean([table[a, b] for a, b in pairs]))
