"""Reinforcement learning: a chat model in; the same one, better at what can be checked, out.

A client of pretraining's loop: each step draws tasks, samples answers and rewards only correctness,
and the loop learns by those answers' policy gradient. Given an interrogation, some tasks ask what
the model may not know, and a wrong answer costs what the system message says. Given conversations,
rows of them are learned beside, so that what no reward asks for stays. Tasks and draws are
functions of seed and batch number, answers of the model as well; rollouts of finished steps are
kept in scratch. Under torchrun each process takes a share of the prompts. Before the first update
people are told if hardly any prompt is ever answered right: then no group has variance and RL
learns nothing. Given a teacher, the answers' tokens are judged by it as well, or by it alone.
"""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pyarrow.compute as pc
import torch
from torch import Tensor

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.rl import (
    distillation,
    honesty_prompts,
    kept_answers,
    rehearsal,
    rl_levels,
    rollout_figures,
    sampled_batch,
    task_sources,
    tool_rollouts,
)
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.kept_answers import Answers
from pipeline.rl.mismatch import Mismatch
from pipeline.rl.objectives import OBJECTIVES, normalizer
from pipeline.rl.policy_gradient import UpdateRule, policy_terms
from pipeline.rl.rollout_figures import LoggedFigures, RolloutFigures, RolloutRow, RolloutSums
from pipeline.rl.sampled_batch import Sampler, recent_rates
from pipeline.sft.conversation_loader import ConversationData
from pipeline.stage import SILENT, Progress, Stage
from pipeline.tools.named_tools import named
from pipeline.tools.toolbox import Toolbox
from pipeline.training import distribution, loop, runtime
from pipeline.training.config import LoopConfig
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.spikes import GRAD_NORM
from pipeline.training.step import StepLoss
from storage.errors import UserError
from storage.schemas import RL_LEVELS
from storage.tables import table, write_table


class RlInputs(TypedDict):
    """Folders of artifacts, one each."""

    sft: list[Path]  # or an interrogated model
    interrogation: NotRequired[list[Path]]  # what the model knows; without it honesty isn't asked
    # whatever has a conversations.parquet; without any nothing is rehearsed
    conversations: NotRequired[list[Path]]
    tasks: NotRequired[list[Path]]  # files of GSM8K, where the mixture names it
    teacher: NotRequired[list[Path]]  # a model that chats, where distillation weighs something


class RlStatistics(TypedDict):
    """Of an `rl` artifact."""

    steps: int
    precision: str
    processes: int
    answers: int  # sampled
    wasted_answers: int  # of those: their group had no variance, so they taught nothing
    tokens: int  # of all answers that were learned from
    start: RolloutFigures  # of the first step, before any update
    end: LoggedFigures  # of the last step


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
        terms += distillation.terms(
            model,
            teacher,
            answers,
            # as a mean over tokens, whatever the policy's loss is a mean over
            weight=config.distillation_weight * divisor / max(1, tokens),
            tokens=sampler.tokenizer.vocab_size,
            temperature=config.temperature,
            micro_rows=config.micro_rows,
            chunk_tokens=config.loss_chunk_tokens,
        )
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


def weighted(terms: Sequence[Callable[[], Tensor]], weight: float) -> list[Callable[[], Tensor]]:
    """Terms of a loss, times a weight."""
    if weight == 1:
        return list(terms)

    def scaled(term: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return lambda: weight * term()

    return [scaled(term) for term in terms]


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


def loop_config(config: RlConfig) -> LoopConfig:
    """The settings of the loop."""
    return LoopConfig(
        steps=config.steps,
        warmup_steps=config.warmup_steps,
        warmdown_fraction=config.warmdown_fraction,
        final_fraction=config.final_fraction,
        max_grad_norm=config.max_grad_norm,
        activation_checkpointing=config.activation_checkpointing,
        checkpoint_seconds=config.checkpoint_seconds,
        rollback_steps=config.rollback_steps,
        rollback_limit=config.rollback_limit,
        spike_window=config.spike_window,
        spike_deviations=config.spike_deviations,
        spike_nats=math.log(config.spike_ratio),
        spike_patience=config.spike_patience,
        watchdog_seconds=config.watchdog_seconds,
    )


def build(
    out: Path,
    inputs: RlInputs,
    config: RlConfig,
    progress: Progress,
    scratch: Path,
) -> RlStatistics | None:
    """The `rl` stage."""
    with named(config.tools) as toolbox:
        return _build(out, inputs, config, progress, scratch, toolbox)


def _build(
    out: Path,
    inputs: RlInputs,
    config: RlConfig,
    progress: Progress,
    scratch: Path,
    toolbox: Toolbox,
) -> RlStatistics | None:
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    check_shared(config)
    model, tokenizer = models.load(inputs["sft"][0], device, dtype)
    if not tokenizer.has_conversation_tokens:
        raise UserError(f"{inputs['sft'][0]} is no chat model: RL starts from the sft stage's")
    if distribution.rank() != 0:
        progress = SILENT
    room = tool_rollouts.room(model.config.max_context, toolbox, tokenizer)
    questions = honesty_prompts.given(
        inputs.get("interrogation"), config, tokenizer, room, progress
    )
    sources = task_sources.given(inputs.get("tasks", []), config.tasks, tokenizer, room, progress)
    teacher = distillation.given(
        inputs.get("teacher", []) if config.distillation_weight else [], model, tokenizer
    )
    if config.distillation_weight and teacher is None:
        raise UserError("rl.distillation_weight: there is no teacher: name input.teacher_model")
    conversations = rehearsal.given(
        inputs.get("conversations", []),
        config.rehearsal_rows,
        model.config.max_context,
        tokenizer,
        config.seed,
    )
    sampler = Sampler(model, tokenizer, config, questions, sources, toolbox)
    loss_of = functools.partial(
        step_loss, sampler, conversations, scratch, progress, teacher=teacher
    )
    metrics, timing = loop.run(
        model,
        build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        loss_of,
        loop_config(config),
        stage="rl",
        scratch=scratch,
        progress=progress,
        watched=GRAD_NORM,
        recipe=config,
    )
    if distribution.rank() != 0:
        return None
    answers = sampled_batch.kept(scratch, range(0, config.steps, config.updates_per_batch))
    first: list[RolloutRow] = answers.filter(pc.equal(answers["step"], 1)).to_pylist()
    models.save(model, tokenizer, out)
    write_run(out, metrics, timing)
    write_table(answers, out / "rollouts.parquet")
    levels = rl_levels.of(answers.select(rl_levels.COLUMNS).to_pylist(), config.answers_per_prompt)
    write_table(table(levels, RL_LEVELS), out / "rl_levels.parquet")
    last = metrics.slice(config.steps - 1).to_pylist()[0]
    return {
        "steps": config.steps,
        "precision": str(dtype).removeprefix("torch."),
        "processes": distribution.world(),
        "answers": answers.num_rows,
        "wasted_answers": sum(row["wasted_answers"] for row in levels),
        "tokens": metrics["tokens"][-1].as_py(),
        "start": rollout_figures.figures(rollout_figures.summarize(first)),
        "end": cast(LoggedFigures, rollout_figures.logged(last)),
    }


def check_shared(config: RlConfig) -> None:
    """Refuse prompts and rows that the processes can't share, before anything is sampled."""
    for name in ("prompts_per_step", "rehearsal_rows"):
        if getattr(config, name) % distribution.world():
            raise UserError(
                f"rl.{name} is {getattr(config, name)}: it must be a multiple of the "
                f"{distribution.world()} processes"
            )


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


STAGE = Stage("rl", 10, RlConfig, build, data=("unicode",))
