"""From a base model to one that chats: synthesize conversations, then fine-tune on them."""

from prefect import flow

from flows import teacher
from flows.config import Settings, load
from flows.pretrain import pretrain
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from pipeline.sft import conversations as conversations_stage
from pipeline.sft import train


@flow(name="sft", flow_run_name=run_name)
def sft(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Fine-tune the base model on conversations made by rules, and by a teacher if there is one.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: everything up to the base model is made or found first
    """
    teacher.check(config)
    made = made or pretrain(config, lake)
    run = begin(config, lake)
    conversations = run.make(
        conversations_stage.STAGE,
        config.conversations,
        "conversations from the corpus",
        corpus=[made["corpus"]],
        tokenizer=[made["tokenizer"]],
    )
    taught = teacher.conversations(run, made)  # nothing without a teacher
    model = run.train(
        train.STAGE,
        config.sft,
        f"fine-tune {config.sft.loop.steps:,} steps",
        base=[made["base"]],
        conversations=[conversations, *taught.values()],
        tokens=[made["tokens"]],
    )
    ui.curves(run.lake, model)
    return run.hand_over(made, conversations=conversations, **taught, sft=model)
