"""From a chat model to one that people prefer: compare its answers, learn a reward, optimise it."""

import dataclasses

from prefect import flow

from flows import imported, preference_sources
from flows.config import Settings, load
from flows.interrogate import SOURCES
from flows.rl import rl
from flows.runner import terminal, ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from pipeline.preferences import reward_training
from pipeline.preferences import rlhf as stage
from pipeline.preferences.config import RlhfConfig

CHAT_MODELS = ("rl", "interrogated", "sft")  # the first of them that there is goes on


@flow(name="rlhf", flow_run_name=run_name)
def rlhf(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Ask who prefers which answers, train a model of that, and optimise the chat model for it.

    Simulated raters compare where an interrogation says what is true; comparisons of people
    (input.labels), files of pairs (input.preferences) and a judge (preferences.compared_by) join
    them or stand in their place. Where nobody compares, the model stays as it is, which is said.
    dpo, ipo and kto learn from the pairs themselves, without a reward model. The conversations that
    the model was fine-tuned on are rehearsed beside, against forgetting. A chat model that is given
    (input.chat_model) is neither fine-tuned nor reinforced first.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: everything up to RL is made or found first
    """
    preference_sources.check(config)
    run = begin(config, lake)
    if made is None and config.input.chat_model:
        made = {"sft": imported.model(run, "chat_model", config.input.chat_model)}
    made = made or rl(config, lake)
    model = next(made[name] for name in CHAT_MODELS if name in made)
    found = preference_sources.compared(run, made, model)
    if not found:
        return made
    reward: Artifacts = {}
    if not config.rlhf.by_pairs:
        reward["reward_model"] = run.train(
            reward_training.STAGE,
            config.reward_model,
            "learn who prefers which answer",
            model=[model],
            preferences=[found["preferences"]],
        )
        ui.curves(run.lake, reward["reward_model"])
    learned = [made[name] for name in SOURCES if name in made]
    settings = config.rlhf if learned else without_rehearsal(config.rlhf)
    truth = "taste" if preference_sources.simulated(config, made) else "unknown"
    settings = dataclasses.replace(settings, true_reward=truth, taste=config.preferences.taste)
    optimised = run.train(
        stage.STAGE,
        settings,
        f"optimise {settings.steps} steps for what is preferred",
        model=[model],
        preferences=[found["preferences"]],
        **{name: [item] for name, item in reward.items()},
        **({"conversations": learned} if settings.rehearsal_rows else {}),
    )
    ui.curves(run.lake, optimised)
    return run.hand_over(made, **found, **reward, rlhf=optimised)


def without_rehearsal(config: RlhfConfig) -> RlhfConfig:
    """Nothing that the model was fine-tuned on is here, which is said."""
    if config.rehearsal_rows:
        terminal.say("  rlhf: no conversations, so none are rehearsed against forgetting")
    return dataclasses.replace(config, rehearsal_rows=0)
