"""LMArena's `arena-rank` on votes of a file, in an environment of its own: ratings and seconds.

Its own bootstrap forks processes under JAX's threads and hung here, so its fit of one resample is
called in a row instead.

`python arena_rank_fit.py VOTES.json`: columns model_a, model_b, winner, and a column for each style
under `features`. On stdout one JSON document.
"""

import json
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry, fit_single_bootstrap_sample
from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    frame = pd.DataFrame({**given["votes"], **given["features"]})
    frame["winner"] = frame["winner"].map({"a": "model_a", "b": "model_b", "tie": "tie"})
    found = {"plain": plain(frame, given["samples"])}
    for name, (reg, reweighted, centred) in given["style"].items():
        found[name] = style(frame, list(given["features"]), reg, reweighted, centred)
    json.dump(found, sys.stdout)


def plain(frame: pd.DataFrame, samples: int) -> dict:
    data = PairDataset.from_pandas(frame)
    begun = time.perf_counter()
    model = BradleyTerry(n_competitors=len(data.competitors))
    result = model.compute_ratings_and_cis(data)
    fitted = time.perf_counter()
    counts = np.asarray(data.counts)
    drawn = np.random.default_rng(0).multinomial(
        int(counts.sum()), counts / counts.sum(), size=samples
    )
    for each in drawn:
        fit_single_bootstrap_sample(jnp.asarray(each, dtype=jnp.float64), model, data)
    return {
        "ratings": dict(zip(result["competitors"], map(float, result["ratings"]))),
        "fit_seconds": fitted - begun,
        "bootstrap_seconds": time.perf_counter() - fitted,
    }


def style(
    frame: pd.DataFrame, names: list[str], reg: float, reweighted: bool, centred: bool
) -> dict:
    if not centred:  # its own way is around the mean
        frame = frame.copy()
        for name in names:
            frame[name] /= (frame[name] ** 2).mean() ** 0.5
    data = ContextualPairDataset.from_pandas(
        frame, feature_cols=names, reweighted=reweighted, normalize_features=centred
    )
    begun = time.perf_counter()
    model = ContextualBradleyTerry(
        n_competitors=len(data.competitors), n_features=len(names), reg=reg
    )
    result = model.compute_ratings_and_cis(data)
    return {
        "ratings": dict(zip(result["competitors"], map(float, result["ratings"]))),
        "coefficients": [float(value) for value in result["coeffs"]],
        "fit_seconds": time.perf_counter() - begun,
    }


if __name__ == "__main__":
    main()
