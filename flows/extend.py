"""From a base model to one that reads longer pages, and bits per byte by place in the page."""

from prefect import flow

from flows.config import Settings, load, settle
from flows.pretrain import pretrain
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from pipeline.evals import positions
from pipeline.training import extend as stage


@flow(name="extend", flow_run_name=run_name)
def extend(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Stretch a base model's context, train it on longer rows, measure both by position.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: the base model is made or found first
    """
    made = made or pretrain(config, lake)
    run = begin(config, lake)
    extended = run.train(
        stage.STAGE,
        config.extend,
        f"longer context by {config.extend.scaling}, {config.extend.loop.steps:,} steps",
        base=[made["base"]],
        tokens=[made["tokens"]],
    )
    ui.curves(run.lake, extended)
    measured = run.make(
        positions.STAGE,
        settle(config.positions),
        "bits per byte by position",
        base=[made["base"]],
        extended=[extended],
        tokens=[made["tokens"]],
    )
    ui.positions(run.lake, measured)
    return run.hand_over(made, extended=extended, positions=measured)
