"""A policy optimised for a reward, or by pairs: a model and its reference in, the model trained.

A client of pretraining's loop, as `pipeline.rl` is. First the reference, which is the model as it
comes, answers prompts: that gives the correlation r of the proxy with the true reward, and with it
the coefficient and what is guaranteed. Then the policy is updated, and at the end it answers the
same prompts with the same draws: the gain is measured beside what was guaranteed. The reward may be
a model's or any rule.
"""

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model import Transformer
from pipeline.preferences import guarantee, policy_sample, prompt_batches, rlhf_notes
from pipeline.preferences.compared_pairs import ComparedPair, with_reference
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.guarantee import GuaranteedGain
from pipeline.preferences.policy_sample import Asker, PolicySample
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.proxy_reward import ProxyReward
from pipeline.preferences.regularizers import RegularizerSettings
from pipeline.preferences.rlhf_coefficient import Held, held_by
from pipeline.preferences.rlhf_update import Optimisation
from pipeline.rl import sampled_batch
from pipeline.rl.policy_update import loop_config
from pipeline.sft.conversation_loader import ConversationData
from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution, loop
from pipeline.training.optimizers import build_optimizer
from pipeline.training.spikes import GRAD_NORM
from storage.errors import UserError
from storage.schemas import ROLLOUTS

# Of the draws before the first and after the last update: no batch of a run has it.
MEASURED = 1_000_002


@dataclasses.dataclass(frozen=True)
class Optimised:
    """What `optimise` gives beside the trained model."""

    metrics: pa.Table  # METRICS
    timing: pa.Table  # TIMING
    rollouts: pa.Table  # ROLLOUTS, in order of step and group; of the first process alone
    held: Held | None  # None where there is no reward
    guaranteed: GuaranteedGain | None  # in the true reward's units, where r promises something
    start: PolicySample  # the reference's answers
    end: PolicySample  # the trained policy's, to the same prompts

    @property
    def gold_gain(self) -> tuple[float, float] | None:
        """What the policy gained in the true reward, and its standard error over prompts."""
        if self.start.gold is None or self.end.gold is None:
            return None
        gains = self.end.gold.mean(axis=1) - self.start.gold.mean(axis=1)
        error = gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
        return float(gains.mean()), float(error)


def optimise(
    model: Transformer,
    tokenizer: Tokenizer,
    reference: Transformer,
    prompts: Sequence[PreferencePrompt],
    reward: ProxyReward | None,
    config: RlhfConfig,
    *,
    scratch: Path,
    progress: Progress = SILENT,
    gold: ProxyReward | None = None,
    measured_prompts: Sequence[PreferencePrompt] = (),
    pairs: Sequence[ComparedPair] = (),
    conversations: ConversationData | None = None,
    agreement: float | None = None,
    start: PolicySample | None = None,
) -> Optimised:
    """Train `model` in place.

    Args:
        model: the policy, on its device.
        tokenizer: of both models.
        reference: the model as it is before the first update; never changes.
        prompts: that answers are drawn to.
        reward: what is optimised. None: pairs alone are learned from.
        config: of the stage.
        scratch: folder of the checkpoints, rows of answers beside them.
        progress: is told of steps and of r, lambda and the guarantee.
        gold: the true reward, where it is known.
        measured_prompts: that reference and trained policy answer for the measurement; none: some
            of `prompts`.
        pairs: of dpo, ipo and kto.
        conversations: to rehearse.
        agreement: of the reward with labelled pairs, where nobody knows the true reward.
        start: from an earlier call of the same reference, config and rewards, to save the time.

    Raises:
        UserError: prompts, pairs or a reward are missing that the method needs; no coefficient
            follows (`held_by`); a reward is no number; or training diverges.
    """
    reference.requires_grad_(False).eval()
    check(config, prompts, reward, pairs)
    context = min(model.config.max_context, reference.config.max_context)
    fitting = prompt_batches.fitting(prompts, tokenizer, context, config.max_new_tokens, progress)
    asker = Asker(reference, tokenizer, config, reward, gold)
    asked = fitting
    if measured_prompts:
        asked = prompt_batches.fitting(
            measured_prompts, tokenizer, context, config.max_new_tokens, progress
        )
    asked = prompt_batches.spread(asked, config.reference_prompts, config.seed)
    seed = config.seed * 1_000_003 + MEASURED
    if start is None:
        start = policy_sample.sample(
            asker, reference, asked, seed, answers_per_prompt=config.reference_answers
        )
    held = None if reward is None else held_by(config, start, agreement)
    for line in [] if held is None else rlhf_notes.before(config, held, bool(measured_prompts)):
        progress.note(line)
    compared = None
    if config.by_pairs:
        compared = with_reference(
            pairs,
            reference,
            scratch,
            mismatched=config.method == "kto",
            micro_rows=config.micro_rows,
            chunk_tokens=config.loss_chunk_tokens,
        )
    settings = RegularizerSettings() if held is None else held.settings
    run = Optimisation(model, asker, fitting, settings, compared, conversations, scratch)
    metrics, timing = loop.run(
        model,
        build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        run.step_loss,
        loop_config(config),
        stage="rlhf",
        scratch=scratch,
        progress=progress,
        watched=GRAD_NORM,
        recipe=config,
    )
    end = policy_sample.sample(asker, model, asked, seed)
    guaranteed = None
    if held is not None and end.proxy is not None:
        figures = end.figures()
        chi2 = float("inf") if figures.left_out else figures.chi2
        guaranteed = guarantee.guaranteed_gain(held.fit, float(end.proxy.mean()), chi2)
    rollouts = ROLLOUTS.empty_table()
    if distribution.rank() == 0 and len(run.measured_steps()):
        rollouts = sampled_batch.kept(scratch, run.measured_steps())
    found = Optimised(metrics, timing, rollouts, held, guaranteed, start, end)
    progress.note(
        rlhf_notes.after(start.figures(), end.figures(), found.gold_gain, found.guaranteed)
    )
    return found


def reference_of(model: Transformer) -> Transformer:
    """A copy of a model that never changes."""
    reference = copy.deepcopy(model)
    return reference.requires_grad_(False).eval()


def step_rows(rollouts: pa.Table) -> list[dict[str, Any]]:
    """Rows of RLHF_STEPS: what is estimated from each sampled batch.

    Args:
        rollouts: of a run.
    """
    found: list[dict[str, Any]] = []
    for step in pc.unique(rollouts["step"]).to_pylist():
        part = rollouts.filter(pc.equal(rollouts["step"], step))
        found.append({"step": step, **policy_sample.figures_of(part).columns()})
    return found


def check(
    config: RlhfConfig,
    prompts: Sequence[PreferencePrompt],
    reward: ProxyReward | None,
    pairs: Sequence[ComparedPair],
) -> None:
    """Refuse a run that lacks something, before anything is sampled.

    Args:
        config: of the stage.
        prompts: to draw from.
        reward: that is optimised.
        pairs: of dpo, ipo and kto.

    Raises:
        UserError: it does.
    """
    if not prompts:
        raise UserError("rlhf: there are no prompts: name preferences that have some")
    if config.by_pairs and not pairs:
        raise UserError(
            f"rlhf.method {config.method} learns from pairs, and none was won by either answer:"
            " name preferences or labels that hold some"
        )
    if not config.by_pairs and reward is None:
        raise UserError(
            f"rlhf.method {config.method} needs a reward: name a reward model, or choose dpo, ipo"
            " or kto, which learn from the pairs themselves"
        )
    for name in ("prompts_per_step", "pairs_per_step"):
        if getattr(config, name) % distribution.world():
            raise UserError(
                f"rlhf.{name} is {getattr(config, name)}: it must be a multiple of the"
                f" {distribution.world()} processes"
            )
