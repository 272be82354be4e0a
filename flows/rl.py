"""From a chat model to one that works its sums: reinforcement learning on checkable answers."""

from prefect import flow

from flows import imported
from flows.config import Settings, load
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from flows.sft import sft
from pipeline.rl import train


@flow(name="rl", flow_run_name=run_name)
def rl(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Reward right answers and nothing else.

    A chat model that is given (input.chat_model) is not fine-tuned first.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: everything up to the chat model is made or found first
    """
    run = begin(config, lake)
    if made is None and config.input.chat_model:
        made = {"sft": imported.model(run, "chat_model", config.input.chat_model)}
    made = made or sft(config, lake)
    settings = config.rl
    model = run.train(
        train.STAGE,
        settings,
        f"reinforce {settings.steps} steps of"
        f" {settings.prompts_per_step} x {settings.answers_per_prompt} answers",
        sft=[made["sft"]],
    )
    ui.curves(run.lake, model)
    return run.hand_over(made, rl=model)
