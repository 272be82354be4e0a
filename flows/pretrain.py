"""From tokens to a base model: a simulator of internet documents."""

from prefect import flow

from flows.config import Settings, load
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from flows.tokenizer import tokenizer
from pipeline.training import pretrain as stage


@flow(name="pretrain", flow_run_name=run_name)
def pretrain(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Train a base model from fresh weights, unless one is given (input.base).

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: corpus and tokens are made or found first
    """
    made = made or tokenizer(config, lake)
    if config.input.base:
        return made
    run = begin(config, lake)
    shape = config.pretrain.shape
    base = run.train(
        stage.STAGE,
        config.pretrain,
        f"pretrain {shape.layers}x{shape.width}, {config.pretrain.loop.steps:,} steps",
        tokens=[made["tokens"]],
        tokenizer=[made["tokenizer"]],
    )
    ui.curves(run.lake, base)
    return run.hand_over(made, base=base)
