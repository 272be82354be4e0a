"""RLHF: a chat model and what people prefer; the same one, optimised for it, out.

The stage of `pipeline.preferences.optimise`: it reads prompts and pairs, loads reward models, and
writes the model with tables of its answers and of how far it went from where it began. Without a
known truth (true_reward = "unknown") the validation pairs tell how well the reward agrees with it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

from pipeline import model as models
from pipeline.preferences import guarantee, rlhf_inputs
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.optimise import Optimised, optimise, reference_of, step_rows
from pipeline.preferences.preference_pairs import TokenPair
from pipeline.preferences.proxy_reward import ModelReward, load_model_reward
from pipeline.rl import rehearsal
from pipeline.stage import SILENT, Progress, Stage
from pipeline.training import distribution, runtime
from pipeline.training.pretrain import write_run
from storage.errors import UserError
from storage.schemas import RLHF_STEPS
from storage.tables import table, write_table

__all__ = ["STAGE", "Optimised", "optimise", "reference_of", "step_rows"]


class RlhfInputs(TypedDict):
    """Folders of artifacts."""

    model: list[Path]  # one that chats: rl, interrogated or sft
    preferences: list[Path]  # preferences or labels, one at least
    reward_model: NotRequired[list[Path]]  # one or several; dpo, ipo and kto need none
    conversations: NotRequired[list[Path]]  # to rehearse; without any nothing is


class RlhfStatistics(TypedDict):
    """Of an `rlhf` artifact; null is what isn't known."""

    steps: int
    precision: str
    processes: int
    prompts: int  # to draw from
    pairs: int  # to learn from, of dpo, ipo and kto
    method: str
    regularizer: str  # of policy_gradient, else ""
    correlation: float | None  # r, within prompts
    pooled_correlation: float | None  # as published: of answers pooled over prompts
    correlation_source: str  # true reward, validation pairs, coefficient or unknown
    proxy_deviation: float | None  # s, within prompts
    coefficient: float | None  # lambda, or as given
    guaranteed_gain: float | None  # of the true reward, by the tight bound
    guaranteed_gain_theorem: float | None  # by Theorem 5.1
    gold_gain: float | None  # measured
    gold_gain_error: float | None  # its standard error
    start: dict[str, float | None]  # the reference's answers: see SampleFigures
    end: dict[str, float | None]  # the policy's, to the same prompts


def build(
    out: Path, inputs: RlhfInputs, config: RlhfConfig, progress: Progress, scratch: Path
) -> RlhfStatistics | None:
    """The `rlhf` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    if config.rehearsal_rows % distribution.world():
        raise UserError(
            f"rlhf.rehearsal_rows is {config.rehearsal_rows}: it must be a multiple of the"
            f" {distribution.world()} processes"
        )
    folder = inputs["model"][0]
    model, tokenizer = models.load(folder, device, dtype)
    if not tokenizer.has_conversation_tokens:
        raise UserError(f"{folder} is no chat model: rlhf starts from rl's or sft's")
    if distribution.rank() != 0:
        progress = SILENT
    context = model.config.max_context
    prompts = rlhf_inputs.given_prompts(inputs["preferences"])
    pairs = rlhf_inputs.given_pairs(inputs["preferences"], tokenizer, context)
    reward, agreement = None, None
    if inputs.get("reward_model"):
        reward = load_model_reward(
            inputs["reward_model"], tokenizer, device, dtype, config.reward_deviations
        )
        if config.true_reward == "unknown" and pairs.validation:
            agreement = reward_agreement(reward, pairs.validation)
    found = optimise(
        model,
        tokenizer,
        reference_of(model),
        prompts.train,
        reward,
        config,
        scratch=scratch,
        progress=progress,
        gold=rlhf_inputs.taste_reward(config.taste) if config.true_reward == "taste" else None,
        measured_prompts=prompts.validation,
        pairs=pairs.train if config.by_pairs else (),
        conversations=rehearsal.given(
            inputs.get("conversations", []),
            config.rehearsal_rows,
            context,
            tokenizer,
            config.seed,
        ),
        agreement=agreement,
    )
    if distribution.rank() != 0:
        return None
    models.save(model, tokenizer, out)
    write_run(out, found.metrics, found.timing)
    write_table(found.rollouts, out / "rollouts.parquet")
    write_table(table(step_rows(found.rollouts), RLHF_STEPS), out / "rlhf_steps.parquet")
    return statistics(found, config, len(prompts.train), len(pairs.train), str(dtype))


def reward_agreement(reward: ModelReward, pairs: Sequence[TokenPair]) -> float:
    """Share of comparisons whose winner a reward likes better."""
    scores = reward.combined([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs])
    return guarantee.agreement(scores[: len(pairs)], scores[len(pairs) :])


def statistics(
    found: Optimised, config: RlhfConfig, prompts: int, pairs: int, dtype: str
) -> RlhfStatistics:
    """What the manifest says of a run.

    Args:
        found: the run.
        config: of the stage.
        prompts: to draw from.
        pairs: of split train.
        dtype: of the products.
    """
    fit, coefficient = None, None
    if found.held is not None:
        fit, coefficient = found.held.fit, found.held.settings.coefficient
    pooled = None
    if found.start.proxy is not None and found.start.gold is not None:
        pooled = guarantee.fit(found.start.proxy, found.start.gold).correlation
    gain, error = found.gold_gain or (None, None)
    least = found.guaranteed
    return {
        "steps": config.steps,
        "precision": dtype.removeprefix("torch."),
        "processes": distribution.world(),
        "prompts": prompts,
        "pairs": pairs if config.by_pairs else 0,
        "method": config.method,
        "regularizer": config.regularizer if config.by_gradient else "",
        "correlation": _known(fit.correlation if fit else None),
        "pooled_correlation": _known(pooled),
        "correlation_source": "unknown" if found.held is None else found.held.source,
        "proxy_deviation": _known(fit.proxy_deviation if fit else None),
        "coefficient": _known(coefficient),
        "guaranteed_gain": _known(least.tight if least else None),
        "guaranteed_gain_theorem": _known(least.theorem if least else None),
        "gold_gain": _known(gain),
        "gold_gain_error": _known(error),
        "start": found.start.figures().columns(),
        "end": found.end.figures().columns(),
    }


def _known(value: float | None) -> float | None:
    """JSON has no NaN, and no infinity."""
    return value if value is not None and math.isfinite(value) else None


STAGE = Stage("rlhf", 2, RlhfConfig, build, data=("unicode",))
