"""A lake of training runs: their tables, scores, samples and a scaling law; and a run under way.

Two base models differ in one setting. Texts that would be markup are wherever people's and models'
texts can come to stand.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from injection_strings import INJECTIONS, joined

from flows.runner.curves import About
from flows.runner.event_files import Tensorboard
from pipeline.evals.config import LENGTHS_SUITE
from storage import Lake, schemas
from storage.digest import artifact_digest
from storage.tables import table, write_table

STEPS = 40
LIVE = "0123456789abcdef"
DRAWN = LENGTHS_SUITE  # whose scores no table shows
EVIL = "</script><script>window.injected=1</script><b class='injected'>x"
PIECES = joined(900)  # a page shows 1,200 characters of an answer
RECIPE = {"seed": 0, "loop": {"steps": STEPS, "rows_per_step": 24}, "shape": {"width": 64}}
LAW: dict[str, Any] = {
    "law": {"floor": 0.2, "scale": 0.5, "exponent": 0.3, "reference": 1e12},
    "check": {
        **{"flops": 4e13, "value": 0.6, "low": 0.5, "high": 0.7},
        **{"measured": 0.61, "error": -0.02},
    },
    "next": {"flops": 1e14, "value": 0.5, "low": 0.4, "high": 0.65},
    "points": [[1e12, 0.9], [1e13, 0.7], [4e13, 0.61]],
    "max_epochs": 1.0,
}


def make_training_lake(root: Path) -> Lake:
    """The lake, in a folder that is there."""
    lake = Lake(root / "lake")
    for rate in (0.02, 0.04):
        recipe = {**RECIPE, "optimizer": {"matrix_lr": rate}}
        commit(lake, "base", recipe, _trained("pretrain", 1000 * rate))
    commit(
        lake,
        "rl",
        {"note": EVIL, **dict.fromkeys(INJECTIONS, 1)},
        {
            **_trained("rl", 2.0, reward=0.5, length=12.0),
            "rollouts.parquet": table(_rollouts(), schemas.ROLLOUTS),
        },
    )
    commit(
        lake,
        "rlhf",
        {},
        {
            **_trained("rlhf", 2.0, reward=0.5),
            "rlhf_steps.parquet": table(
                [{"step": step, "kl": 0.1 * step, "proxy": 1.0} for step in range(1, STEPS + 1)],
                schemas.RLHF_STEPS,
            ),
        },
    )
    commit(
        lake,
        "evals",
        {},
        {
            "evals.parquet": table(_scores(), schemas.EVALS),
            "samples.parquet": table(_samples(), schemas.SAMPLES),
        },
    )
    runs = [
        {
            **{"base": f"{number:064x}", "layers": number, "width": 32 * number, "seed": 0},
            **{"parameters": 1000, "matrix_parameters": 900, "tokens": 10_000, "epochs": 0.5},
            **{"flops": flops, "bits_per_byte": value},
        }
        for number, (flops, value) in enumerate(LAW["points"], start=1)
    ]
    commit(lake, "scaling", {}, {"runs.parquet": table(runs, schemas.SCALING)}, LAW)
    return lake


def commit(
    lake: Lake,
    kind: str,
    recipe: Mapping[str, Any],
    tables: Mapping[str, pa.Table],
    statistics: Mapping[str, Any] | None = None,
) -> str:
    """Commit tables as the newest artifact of a kind; its short name."""
    digest = artifact_digest(kind, 1, dict(recipe), {})
    staging = lake.staging(kind, digest)
    for name, rows in tables.items():
        write_table(rows, staging / name)
    provenance: Any = {
        **{"created": f"2026-01-01T00:00:{len(lake.heads()):02d}+00:00", "seconds": 9.0},
        **{"energy_kwh": 0.002, "energy_method": "estimated"},
    }
    lake.commit(staging, kind, digest, 1, dict(recipe), {}, dict(statistics or {}), provenance)
    lake.set_heads({kind: digest})
    return digest[:16]


def begin_live_run(lake: Lake, steps: Iterable[int], kind: str = "base") -> Tensorboard:
    """A run that is under way, by what such runs write with; whoever asks ends it."""
    name = f"{kind}-{LIVE}"
    about = About(name, f"training {EVIL}", {"note": EVIL, "seed": 3}, "", lake.runs / name)
    sink = Tensorboard(about)
    sink.history(0.0)
    for step in steps:
        sink.add(live_row(step))
    sink.flush()
    return sink


def live_row(step: int) -> dict[str, Any]:
    """Of the tables `metrics` and `timing`."""
    row = {"stage": "pretrain", "step": step, "tokens": 100 * step, "seconds": 0.5 * step}
    validation = {"validation_bits_per_byte": 1.0 / step} if step % 5 == 0 else {}
    return {**row, "loss": 4.0 / step, "lr": 0.02, "tokens_per_second": 200.0, **validation}


def _trained(stage: str, scale: float, **more: float) -> dict[str, pa.Table]:
    metrics = [
        {
            **{"stage": stage, "step": step, "tokens": 100 * step, "loss": scale / step},
            **{"lr": 0.02, "grad_norm": math.sqrt(step), "rollbacks": 0},
            "validation_bits_per_byte": 1.0 / step if step % 10 == 0 else None,
            **more,
        }
        for step in range(1, STEPS + 1)
    ]
    timing = [
        {
            **{"step": step, "seconds": 0.5 * step, "tokens_per_second": 200.0},
            **{"energy_kwh": 1e-6 * step, "peak_memory_bytes": 1000},
        }
        for step in range(1, STEPS + 1)
    ]
    return {
        "metrics.parquet": table(metrics, schemas.METRICS),
        "provenance/timing.parquet": table(timing, schemas.TIMING),
    }


def _rollouts() -> list[dict[str, Any]]:
    return [
        {
            **{"step": step, "task": PIECES[group], "group": group, "reward": float(answer == 0)},
            **{"prompt": PIECES[group], "completion": f"{answer} {PIECES[-1 - group]}"},
            **{"advantage": 0.5, "answer_type": "correct", "length": 3, "level": 1, "draw": 0},
        }
        for step in (1, 20, STEPS)
        for group in range(4)
        for answer in range(5)
    ]


def _scores() -> list[dict[str, Any]]:
    def score(model: str, suite: str, task: str, metric: str, value: float) -> dict[str, Any]:
        ends = {"low": value - 0.05, "high": value + 0.05}
        named = {"model": model, "stage": model, "suite": suite, "task": task, "metric": metric}
        return {**named, "value": value, **ends, "n": 200, "seed": 0}

    models = ("base", "rl", "rlhf")
    rows = [score(m, "facts", "question_often", "recall", 0.2 * n) for n, m in enumerate(models)]
    rows += [score(m, "refusals", "new_wordings", "harmful_refused", 0.8) for m in models]
    rows += [score("base", f"suite {EVIL}", text, text, 0.5) for text in INJECTIONS]
    # Of each model that is called so, and each suite.
    rows += [score(text, f"suite {EVIL}", INJECTIONS[0], INJECTIONS[0], 0.5) for text in INJECTIONS]
    rows += [score(model, DRAWN, "1+2", "accuracy", 0.5) for model in ("base", "rl")]
    return rows + [score("base", text, text, text, 0.5) for text in INJECTIONS]


def _samples() -> list[dict[str, Any]]:
    more = [
        {
            **{"model": model, "suite": suite, "prompt": INJECTIONS[0], "completion": "x"},
            **{"expected": "x", "correct": None},
        }
        for model, suite in [*((t, "facts") for t in INJECTIONS), *(("x", t) for t in INJECTIONS)]
    ]
    return more + [
        {
            **{"model": model, "suite": suite, "prompt": text, "completion": text},
            **{"expected": text, "correct": model == "rl"},
        }
        for model in ("rl", "base", EVIL)
        for suite in ("facts", EVIL)
        for text in INJECTIONS
    ]
