"""Votes of simulated voters, whose taste is known: a strength a model, and a bias for style.

For tests and benchmarks. A vote's points are drawn so that a expects exactly the logistic function
of strengths and style: a voter looks once or, `twice` of them, two times and calls it a tie where
the two looks differ. Ties of another kind would pull ratings and coefficients together, whoever
fits them.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.evals.answer_style import STYLES, AnswerStyle, style_differences
from pipeline.evals.vote_ratings import Vote


def planted_votes(
    strengths: Mapping[str, float],
    count: int,
    seed: int,
    bias: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    wordiness: Mapping[str, float] | None = None,
    twice: float = 0.3,
) -> list[Vote]:
    """Votes on models that meet at random.

    Args:
        strengths: of each model, in logits.
        count: of the votes.
        seed: of everything.
        bias: what voters give for a style difference of 1, in logits, in the order of STYLES.
        wordiness: by what factor a model's answers are longer; 1 where nothing is said.
        twice: the share of voters who look two times.
    """
    rng = np.random.default_rng(seed)
    names = list(strengths)
    a = rng.integers(0, len(names), count)
    b = (a + rng.integers(1, len(names), count)) % len(names)
    styles = [_styles(rng, [names[at] for at in side], wordiness or {}) for side in (a, b)]
    worth = np.array([strengths[name] for name in names])
    differences = style_differences(*styles)
    chance = 1 / (1 + np.exp(worth[b] - worth[a] - differences @ np.asarray(bias)))
    looks = (rng.random((2, count)) < chance).astype(int)
    looks[1] = np.where(rng.random(count) < twice, looks[1], looks[0])
    winners = np.array(["b", "tie", "a"])[looks.sum(axis=0)]
    return [
        Vote(names[i], names[j], str(winner), style_a, style_b)
        for i, j, winner, style_a, style_b in zip(a, b, winners, *styles)
    ]


def _styles(
    rng: np.random.Generator, names: Sequence[str], wordiness: Mapping[str, float]
) -> list[AnswerStyle]:
    """Lengths are lognormal around 60 tokens; the longer an answer, the more Markdown is in it."""
    tokens = np.exp(rng.normal(np.log(60), 0.7, len(names)))
    tokens *= np.array([wordiness.get(name, 1.0) for name in names])
    marks = [rng.poisson(tokens / per) for per in (150, 40, 60)]
    assert len(marks) + 1 == len(STYLES)
    return [
        AnswerStyle(int(length) + 1, *map(int, counts)) for length, *counts in zip(tokens, *marks)
    ]
