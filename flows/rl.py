"""From a chat model to one that works its sums: reinforcement learning on checkable answers."""

import dataclasses

from prefect import flow

from flows import brought_files, imported
from flows.config import Settings, load
from flows.interrogate import SOURCES, interrogate
from flows.runner import terminal, ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from flows.runner.references import InputFile
from pipeline.rl import train
from pipeline.rl.config import RlConfig
from storage.file_hashes import hash_now


@flow(name="rl", flow_run_name=run_name)
def rl(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Reward right answers and nothing else; with an interrogation also "I don't know".

    The conversations that the model was fine-tuned on are rehearsed beside, against forgetting.
    A chat model that is given (input.chat_model) is not fine-tuned first. Where there is an
    interrogated model, it is the one that goes on. With rl.distillation_weight answers are held
    against those of input.teacher_model as well.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: everything up to the chat model is made or found first
    """
    run = begin(config, lake)
    if made is None and config.input.chat_model:
        made = {"sft": imported.model(run, "chat_model", config.input.chat_model)}
    made = made or interrogate(config, lake)
    known = {"interrogation": [made["interrogation"]]} if "interrogation" in made else {}
    # Not the interrogation's: RL asks its questions, and what they pay is to decide.
    learned = [made[name] for name in SOURCES if name in made]
    settings = config.rl if known else without_honesty(config.rl)
    settings = settings if learned else without_rehearsal(settings)
    named = brought_files.task_files(config, "rl.tasks")
    files = [InputFile(file, *hash_now(file)) for file in named]
    teacher = {}
    if settings.distillation_weight:
        teacher = {"teacher": [imported.model(run, "teacher_model", config.input.teacher_model)]}
    model = run.train(
        train.STAGE,
        settings,
        f"reinforce {settings.steps} steps of"
        f" {settings.prompts_per_step} x {settings.answers_per_prompt} answers",
        sft=[made.get("interrogated") or made["sft"]],
        **known,
        **({"conversations": learned} if settings.rehearsal_rows else {}),
        **({"tasks": files} if files else {}),
        **teacher,
    )
    ui.curves(run.lake, model)
    return run.hand_over(made, rl=model)


def without_honesty(config: RlConfig) -> RlConfig:
    """Nobody knows what the model knows, so nothing asks for honesty, which is said."""
    if config.honesty_share:
        terminal.say("  rl: no interrogation, so no prompt states a confidence target")
    return dataclasses.replace(config, honesty_share=0.0)


def without_rehearsal(config: RlConfig) -> RlConfig:
    """Nothing that the model was fine-tuned on is here, which is said."""
    if config.rehearsal_rows:
        terminal.say("  rl: no conversations, so none are rehearsed against forgetting")
    return dataclasses.replace(config, rehearsal_rows=0)
