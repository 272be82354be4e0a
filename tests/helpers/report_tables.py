"""Small tables of a run, for the report's tests."""

import pyarrow as pa

from storage.schemas import EVALS, METRICS, PAIR_CURVE, RELIABILITY, RL_LEVELS, ROLLOUTS, SAMPLES


def _metrics(stage: str, **columns: float) -> list[dict]:
    return [{"stage": stage, "step": s, "run": "r", "tokens": s, **columns} for s in range(5)]


def sample_tables() -> dict[str, pa.Table]:
    evals = [
        {
            "model": model,
            "stage": model,
            "suite": "arithmetic",
            "task": "3 digits",
            "metric": "accuracy",
            "value": value,
            "low": value - 0.1,
            "high": value + 0.1,
            "n": 200,
            "seed": 0,
        }
        for model, value in (("base", 0.1), ("sft", 0.2), ("rl", 0.9))
    ]
    samples = [
        {
            "model": model,
            "suite": "facts",
            "prompt": "<script>alert(1)</script>",
            "completion": "Brinmouth",
            "expected": "Brinmouth",
            "correct": model == "rl",
        }
        for model in ("base", "sft", "rl")
    ]
    rollout = dict.fromkeys(ROLLOUTS.names) | {
        "step": 3,
        "prompt": "What is 1 + 1?",
        "completion": "2.",
        "reward": 1.0,
        "advantage": 0.5,
    }
    level = dict.fromkeys(RL_LEVELS.names, 1) | {
        "task": "letter_count",
        "pass_at_k": [{"k": 1, "value": 0.25}, {"k": 8, "value": 0.75}],
    }
    bin_ = {"low": 0.5, "high": 0.55, "pairs": 9, "confidence": 0.52, "accuracy": 0.6}
    bins = [{**bin_, "member": member} for member in (None, 0, 1)]
    curve = {"pairs": 50, "accuracy": 0.6, "accuracy_low": 0.5, "accuracy_high": 0.7}
    return {
        "funnel": pa.Table.from_pylist(
            [
                {"stage": "read", "rule": "mime", "outcome": "dropped", "count": 10},
                {"stage": "url", "rule": "host", "outcome": "dropped", "count": 5},
                {"stage": "", "rule": "", "outcome": "kept", "count": 85},
            ]
        ),
        "metrics": pa.Table.from_pylist(
            _metrics("pretrain", loss=2.0) + _metrics("rl", reward=0.5), schema=METRICS
        ),
        "evals": pa.Table.from_pylist(evals, schema=EVALS),
        "samples": pa.Table.from_pylist(samples, schema=SAMPLES),
        "rollouts": pa.Table.from_pylist([rollout], schema=ROLLOUTS),
        "reliability": pa.Table.from_pylist(
            [{**row, "accuracy_low": 0.4, "accuracy_high": 0.8} for row in bins], schema=RELIABILITY
        ),
        "pair_curve": pa.Table.from_pylist([curve, {**curve, "pairs": 500}], schema=PAIR_CURVE),
        "rl_levels": pa.Table.from_pylist([level], schema=RL_LEVELS),
    }
