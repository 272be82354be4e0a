"""One update of the policy: answers sampled, or taken up again, and the terms of its loss.

In: the policy, what it is asked and, where they are given, conversations and a teacher. Out: a
`StepLoss` whose terms are the policy gradient's, the teacher's and the rehearsal's, and figures of
the answers. Answers and rows lie beside the checkpoints before the update is done.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from pipeline.model import Transformer
from pipeline.rl import distillation, kept_answers, rehearsal, rollout_figures, sampled_batch
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.kept_answers import Answers
from pipeline.rl.mismatch import Mismatch
from pipeline.rl.objectives import OBJECTIVES, normalizer
from pipeline.rl.policy_gradient import UpdateRule, policy_terms
from pipeline.rl.rollout_figures import RolloutFigures, RolloutRow, RolloutSums
from pipeline.rl.sampled_batch import Sampler, recent_rates
from pipeline.sft.conversation_loader import ConversationData
from pipeline.stage import Progress
from pipeline.training import distribution
from pipeline.training.config import LoopConfig
from pipeline.training.step import StepLoss, weighted

_LOOP_SETTINGS = (
    *("steps", "warmup_steps", "warmdown_fraction", "final_fraction", "max_grad_norm"),
    *("activation_checkpointing", "checkpoint_seconds", "watchdog_seconds"),
    *("rollback_steps", "rollback_limit", "spike_window", "spike_deviations", "spike_patience"),
)


def step_loss(
    sampler: Sampler,
    conversations: ConversationData | None,
    scratch: Path,
    progress: Progress,
    done: int,
    number: int,
    teacher: Transformer | None = None,
) -> StepLoss:
    """Sample the answers of a batch, or take up those of the updates before, and learn from them.

    Answers of advantage zero count in what the loss is divided by. What rehearsal adds is a mean of
    its own.

    Args:
        sampler: the policy and what it is asked.
        conversations: to rehearse, if there are any.
        scratch: where answers are kept, as those of the step after `done`: where a run went back,
            the later ones of a step replace the earlier.
        progress: is told how the model starts.
        done: steps.
        number: of the update. The numbers of a batch's updates follow one another: a run goes back
            to steps at which one begins.
        teacher: whose distribution the answers' tokens are held against, if there is one.
    """
    model, config = sampler.model, sampler.config
    part = done % config.updates_per_batch
    answers, rows = _batch(sampler, scratch, done - part, number - part, part)
    figures = rollout_figures.figures(_add_up(rollout_figures.summarize(rows), model.device))
    if number == 0:
        _say_start(figures, config, progress)
    rule = update_rule(config)
    mismatch = Mismatch(config.mismatch_limit)
    terms: list[Callable[[], Tensor]] = []
    if config.policy_weight:
        terms = policy_terms(model, answers, rule, config.micro_rows, mismatch)
        terms = weighted(terms, config.policy_weight)
    sizes = [float(len(answers)), float(sum(answer.length for answer in answers))]
    count, tokens = map(int, distribution.sum_numbers(sizes, model.device))
    # Where every answer is masked there is no term, and nothing to divide.
    divisor = normalizer(rule.objective.aggregation, count, tokens, config.max_new_tokens) or 1.0
    if teacher is not None:
        judged = distillation.terms(
            model,
            teacher,
            answers,
            tokens=sampler.tokenizer.vocab_size,
            temperature=config.temperature,
            micro_rows=config.micro_rows,
            chunk_tokens=config.loss_chunk_tokens,
        )
        # as a mean over tokens, whatever the policy's loss is a mean over
        terms += weighted(judged, config.distillation_weight * divisor / max(1, tokens))
    if conversations:
        terms += rehearsal.terms(
            model,
            conversations,
            number,
            weight=config.rehearsal_weight,
            normalizer=divisor,
            loop=loop_config(config),
        )

    def apart() -> dict[str, float]:
        found = mismatch.figures(model.device)
        if found is None:
            return {}
        # Later updates learn from an earlier policy's answers, and bf16 rounds by more.
        exact = part == 0 and model.compute_dtype == torch.float32
        if exact and config.mismatch_limit:
            found.check(config.mismatch_limit, config.top_k)
        return found.logged()

    # Sampling does most of the work, and its FLOPs are not the training step's: no MFU.
    return StepLoss(
        terms,
        normalizer=divisor,
        tokens=tokens,
        figures=rollout_figures.logged(figures),
        shown=("reward",),
        learned=apart,
    )


def update_rule(config: RlConfig) -> UpdateRule:
    """How answers become a gradient."""
    objective = OBJECTIVES[config.objective]
    return UpdateRule(
        config.temperature,
        config.top_k,
        objective.bounds(config.ratio_limit, config.clip_low, config.clip_high),
        config.loss_chunk_tokens,
        objective,
    )


def _batch(
    sampler: Sampler, scratch: Path, done: int, number: int, part: int
) -> tuple[Answers, list[RolloutRow]]:
    """The answers that an update learns from, and the rows of their batch, of this process.

    Args:
        sampler: the policy and what it is asked.
        scratch: where both are kept.
        done: steps before the batch's first update.
        number: of that update.
        part: which of the batch's updates, from 0.
    """
    parts = sampler.config.updates_per_batch
    file = kept_answers.file(scratch, done, distribution.rank(), distribution.world())
    if part == 0:
        rates = recent_rates(scratch, done, sampler.config)
        # A run that went back goes on with any number: rounded up, no batch comes twice.
        answers, replaced = sampler.sample(-(-number // parts), rates)
        rows = rolls.rows(done + 1, answers, replaced)
        # On disk before a checkpoint can say that the step is done: at each step's end the loop
        # waits for all processes.
        sampled_batch.keep(scratch, done, rows)
        answers = [answer for answer in answers if not answer.masked]
        if parts == 1:
            return answers, rows
        kept_answers.keep(file, answers)
    return kept_answers.part_of(kept_answers.read(file), part, parts), sampled_batch.kept_rows(
        scratch, done
    )


def loop_config(config: Any) -> LoopConfig:
    """The settings of the loop.

    Args:
        config: RlConfig, or that of another stage which samples answers, with the same names.
    """
    given = {name: getattr(config, name) for name in _LOOP_SETTINGS}
    return LoopConfig(**given, spike_nats=math.log(config.spike_ratio))


def _say_start(seen: RolloutFigures, config: RlConfig, progress: Progress) -> None:
    """Report pass@1 and pass@k before training, with a warning where RL can't work."""
    k = config.answers_per_prompt
    right = seen["pass_at_1"]
    progress.note(f"rl: before training pass@1 is {right:.3f}, pass@{k} is {seen['pass_at_k']:.3f}")
    if "answer_rate" in seen:
        progress.note(
            f"rl: of honesty's questions {seen['answer_rate']:.1%} are answered before training,"
            f" reward {seen['honesty_reward']:+.3f}"
        )
    if config.policy_weight and seen["pass_at_k"] < config.min_pass_at_k:
        progress.note(
            f"rl: hardly any prompt was answered right in {k} tries, so RL would learn nothing: "
            "fine-tune longer, or set rl.tasks to lower levels"
        )


def _add_up(sums: RolloutSums, device: torch.device) -> RolloutSums:
    """The sums over all processes."""
    own = cast(dict[str, float], sums)
    total = distribution.sum_numbers(list(own.values()), device)
    return cast(RolloutSums, dict(zip(own, total)))
