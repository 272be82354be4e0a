"""`make bench-arena`: our leaderboard beside LMArena's `arena-rank` on the same votes.

Ratings with and without style control, seconds of a fit and of the bootstrap in one run, and over
several seeds how often a planted length bias, and the planted strengths, lie in our intervals.
arena-rank's own defaults for style control (a penalty of one times the number of votes on each
squared coefficient, pairs weighed alike, features around their mean) are a row of their own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.evals.answer_style import STYLES, style_differences
from pipeline.evals.bradley_terry import SCALE, matchups, most_likely
from pipeline.evals.vote_ratings import (
    POINTS,
    Leaderboard,
    LeaderboardConfig,
    Vote,
    leaderboard,
)
from tests.benchmarks.planted_votes import planted_votes
from tests.benchmarks.tables import add_option, write_table

TABLE = "arena"
FIT = Path(__file__).parent / "peers" / "arena_rank_fit.py"
MODELS, VOTES = 20, 10_000  # of the comparison
SEEDS, SEED_MODELS, SEED_VOTES = 20, 6, 2_000  # of the planted bias
SAMPLES, PEER_SAMPLES = 1_000, 10  # resamples, ours and arena-rank's: each compiles anew
BIAS = (1.5, 0.0, 0.0, 0.5)  # logits for a difference of 1 in length, headers, lists, bold
PAIR_FLOOR = 50  # votes: arena-rank's `min_pair_count`, below which pairs aren't weighed up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True, help="of the environment with arena-rank")
    add_option(parser)
    given = parser.parse_args()
    votes = planted_votes(strengths(MODELS, 0), VOTES, 0, BIAS, wordiness(MODELS))
    text = comparison(votes, peers_fit(votes, given.peer_python)) + "\n\n" + coverage()
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def strengths(models: int, seed: int) -> dict[str, float]:
    """Drawn from a normal distribution of one logit, 174 Elo points."""
    drawn = np.random.default_rng((SEEDS, seed)).normal(0, 1, models)
    return {f"model-{at:02d}": float(value) for at, value in enumerate(drawn - drawn.mean())}


def wordiness(models: int) -> dict[str, float]:
    """From half to twice the usual length, without regard to strength."""
    return {f"model-{at:02d}": 2.0 ** (at / (models - 1) * 2 - 1) for at in range(models)}


def peers_fit(votes: Sequence[Vote], python: str) -> dict[str, Any]:
    """What arena-rank finds in the votes."""
    differences = _differences(votes)
    penalty = LeaderboardConfig().penalty / len(votes)  # theirs is on the mean over votes
    given = {
        "votes": {
            "model_a": [vote.a for vote in votes],
            "model_b": [vote.b for vote in votes],
            "winner": [vote.winner for vote in votes],
        },
        "features": {name: differences[:, at].tolist() for at, name in enumerate(STYLES)},
        "samples": PEER_SAMPLES,
        "style": {"style": [penalty, False, False], "defaults": [1.0, True, True]},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.json"
        path.write_text(json.dumps(given))
        done = subprocess.run([python, str(FIT), str(path)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def comparison(votes: Sequence[Vote], theirs: Mapping[str, Any]) -> str:
    """Largest differences and seconds."""
    lines = [
        "| ratings | largest difference, Elo | largest difference of a coefficient | length's"
        " coefficient | our fit, s | arena-rank's fit, s | our resample, ms |"
        " arena-rank's resample, ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, key, style in (("plain", "plain", False), ("style control", "style", True)):
        board, fit, bootstrap = timed(votes, style)
        peer = theirs[key]
        ours = [effect.coefficient for effect in board.styles]
        apart = [abs(a - b) for a, b in zip(ours, peer.get("coefficients", []))]
        lines.append(
            f"| {name} | {_apart(_ratings(board), peer['ratings']):.1e} |"
            f" {f'{max(apart):.1e}' if apart else ''} |"
            f" {f'{ours[0]:.3f}' if ours else ''} | {fit:.3f} | {peer['fit_seconds']:.2f} |"
            f" {bootstrap / SAMPLES * 1000:.2f} |"
            f" {_milliseconds(peer.get('bootstrap_seconds'), PEER_SAMPLES)} |"
        )
    ratings, coefficients, fit = their_defaults(votes)
    peer = theirs["defaults"]
    apart = [abs(a - b) for a, b in zip(coefficients, peer["coefficients"])]
    lines.append(
        f"| style control, arena-rank's defaults | {_apart(ratings, peer['ratings']):.1e} |"
        f" {max(apart):.1e} | {coefficients[0]:.3f} | {fit:.3f} | {peer['fit_seconds']:.2f} | | |"
    )
    return (
        f"{VOTES:,} simulated votes on {MODELS} models, one run, one after the other;"
        f" arena-rank 0.1.1 with its own tolerances and sandwich intervals. A resample is a fit of"
        f" the bootstrap: {SAMPLES:,} of ours, {PEER_SAMPLES} of arena-rank's, which compiles each"
        " anew.\n\n" + "\n".join(lines)
    )


def timed(votes: Sequence[Vote], style: bool) -> tuple[Leaderboard, float, float]:
    """The board, seconds with one resample, and what the others took besides."""
    begun = time.perf_counter()
    leaderboard(votes, LeaderboardConfig(samples=1, style_control=style))
    fitted = time.perf_counter()
    board = leaderboard(votes, LeaderboardConfig(samples=SAMPLES, style_control=style))
    whole = time.perf_counter() - fitted
    return board, fitted - begun, max(0.0, whole - (fitted - begun))


def their_defaults(votes: Sequence[Vote]) -> tuple[dict[str, float], list[float], float]:
    """Our fit under arena-rank's defaults: weighed pairs, centred features, its penalty."""
    begun = time.perf_counter()
    names = sorted({name for vote in votes for name in (vote.a, vote.b)})
    number = {name: at for at, name in enumerate(names)}
    a, b = (np.array([number[name] for name in side]) for side in zip(*((v.a, v.b) for v in votes)))
    differences = _differences(votes)
    features = (differences - differences.mean(axis=0)) / differences.std(axis=0)
    points = np.array([POINTS[vote.winner] for vote in votes])
    met = matchups(a, b, points, len(names), features)
    weights = met.counts / np.maximum(np.bincount(met.pair, met.counts)[met.pair], PAIR_FLOOR)
    weights *= len(votes) / weights.sum()
    (found,) = most_likely(met, weights[None], 0.0, float(len(votes)))
    ratings = dict(zip(names, (1000.0 + SCALE * found[: len(names)]).tolist()))
    return ratings, found[len(names) :].tolist(), time.perf_counter() - begun


def coverage() -> str:
    """How often what was planted lies in our 95% intervals."""
    held = np.zeros(len(STYLES), dtype=int)
    ranked = rated = plain = 0
    found = []
    for seed in range(SEEDS):
        true = strengths(SEED_MODELS, seed)
        votes = planted_votes(true, SEED_VOTES, seed, BIAS, wordiness(SEED_MODELS))
        board = leaderboard(votes, LeaderboardConfig(style_control=True, seed=seed))
        for at, (style, planted) in enumerate(zip(board.styles, BIAS)):
            held[at] += style.low <= planted * style.size <= style.high
        found.append(board.styles[0].coefficient / board.styles[0].size)
        rated += _covered(board, true)
        plain += _covered(leaderboard(votes, LeaderboardConfig(seed=seed)), true)
        order = sorted(true, key=lambda name: -true[name])
        ranked += sum(
            one.best_rank <= 1 + order.index(one.model) <= one.worst_rank for one in board.standings
        )
    models = SEEDS * SEED_MODELS
    lines = [
        "| planted | in our 95% interval |",
        "|---|---|",
        *(
            f"| {style}: {planted:g} logits for a difference of 1 | {count} of {SEEDS} seeds |"
            for style, planted, count in zip(STYLES, BIAS, held)
        ),
        f"| strengths, style control | {rated} of {models} models |",
        f"| strengths, plain ratings | {plain} of {models} models |",
        f"| rank, style control: in the rank set | {ranked} of {models} models |",
    ]
    mean, spread = float(np.mean(found)), float(np.std(found, ddof=1))
    return (
        f"{SEEDS} seeds of {SEED_VOTES:,} votes on {SEED_MODELS} models, whose answers are from"
        " half to twice as long as usual; 1,000 resamples. Length's coefficient for a difference"
        f" of 1, mean over seeds: {mean:.2f} (standard deviation {spread:.2f}).\n\n"
        + "\n".join(lines)
    )


def _covered(board: Leaderboard, true: Mapping[str, float]) -> int:
    return sum(one.low <= 1000 + SCALE * true[one.model] <= one.high for one in board.standings)


def _differences(votes: Sequence[Vote]) -> np.ndarray:
    return style_differences([vote.style_a for vote in votes], [vote.style_b for vote in votes])


def _ratings(board: Leaderboard) -> dict[str, float]:
    return {one.model: one.rating for one in board.standings}


def _apart(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    assert ours.keys() == theirs.keys()
    return max(abs(ours[name] - theirs[name]) for name in ours)


def _milliseconds(seconds: float | None, samples: int) -> str:
    return "" if seconds is None else f"{seconds / samples * 1000:,.0f}"


if __name__ == "__main__":
    main()
