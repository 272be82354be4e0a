"""From a base model to one that chats: synthesize conversations, then fine-tune on them."""

import dataclasses

from prefect import flow

from flows import imported, labels, solutions, teacher
from flows.config import Settings, load
from flows.pretrain import pretrain
from flows.runner import terminal, ui
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from pipeline.sft import conversations as conversations_stage
from pipeline.sft import train
from pipeline.sft.config import SftConfig
from storage.errors import UserError


@flow(name="sft", flow_run_name=run_name)
def sft(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Fine-tune the base model on conversations made by rules, teachers or raters, or given.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: everything up to the base model is made or found first
    """
    if config.input.chat_model:
        raise UserError(
            "input.chat_model is for `run rl` and `run rlhf`, which start from it as it is"
        )
    teacher.check(config)
    run = begin(config, lake)
    if made is None:
        made = pretrain(config, lake) if imported.wants_corpus(config) else imported.base(run)
    sources = {
        **synthesized(run, made),
        **teacher.conversations(run, made),
        **solutions.conversations(run, made),
        **labels.conversations(run, made),
        **imported.conversations(run, made),
    }
    pages = {"tokens": [made["tokens"]]} if "tokens" in made else {}
    model = run.train(
        train.STAGE,
        config.sft if pages else without_pages(config.sft),
        f"fine-tune {config.sft.loop.steps:,} steps",
        base=[made["base"]],
        conversations=list(sources.values()),
        **pages,
    )
    ui.curves(run.lake, model)
    return run.hand_over(made, **sources, sft=model)


def synthesized(run: Run, made: Artifacts) -> Artifacts:
    """Conversations by rules from the corpus, if there is one."""
    if "corpus" not in made:
        return {}
    found = run.make(
        conversations_stage.STAGE,
        run.config.conversations,
        "conversations from the corpus",
        corpus=[made["corpus"]],
        tokenizer=[made["tokenizer"]],
    )
    return {"conversations": found}


def without_pages(config: SftConfig) -> SftConfig:
    """Nothing to mix in against forgetting, which is said."""
    if config.pretraining_share:
        terminal.say("  sft: no corpus, so no pages are mixed in: name a crawl by input.paths")
    return dataclasses.replace(config, pretraining_share=0.0)
