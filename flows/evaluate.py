"""What each stage changed: the same questions to the base, the fine-tuned and the reinforced
model.
"""

import dataclasses
from typing import Literal

from prefect import flow

from flows import publish
from flows.config import Settings, load, settle
from flows.rl import rl
from flows.run import LAKE, Artifacts, begin, run_name
from pipeline.evals import evaluate as stage

Model = Literal["base", "sft", "rl"]
MODELS: tuple[Model, ...] = ("base", "sft", "rl")


@flow(name="evaluate", flow_run_name=run_name)
def evaluate(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
    models: tuple[Model, ...] = MODELS,
) -> Artifacts:
    """Measure models, with n and intervals.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: all models are made or found first
        models: which stages' models are measured
    """
    made = made or rl(config, lake)
    run = begin(config, lake)
    # The sample web comes with its facts; a real crawl can't be asked what ought to be known.
    facts = {"crawl": [made["crawl"]]} if "crawl" in made else {}
    scores = {}
    for model in models:
        scores[f"evals.{model}"] = run.make(
            stage.STAGE,
            settle(dataclasses.replace(config.evals, model=model)),
            f"evaluate {model}",
            model=[made[model]],
            corpus=[made["corpus"]],
            **facts,
        )
    made = run.hand_over(made, **scores)
    publish.scores(run.lake, [made[f"evals.{m}"] for m in MODELS if f"evals.{m}" in made])
    return made


if __name__ == "__main__":
    from flows.cli import run_module

    run_module("evaluate")
