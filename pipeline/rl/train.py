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
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pyarrow.compute as pc

from pipeline import model as models
from pipeline.rl import (
    distillation,
    honesty_prompts,
    rehearsal,
    rl_levels,
    rollout_figures,
    sampled_batch,
    task_sources,
    tool_rollouts,
)
from pipeline.rl.config import RlConfig
from pipeline.rl.policy_update import loop_config, step_loss
from pipeline.rl.rollout_figures import LoggedFigures, RolloutFigures, RolloutRow
from pipeline.rl.sampled_batch import Sampler
from pipeline.stage import SILENT, Progress, Stage
from pipeline.tools.named_tools import named
from pipeline.tools.toolbox import Toolbox
from pipeline.training import distribution, loop, runtime
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.spikes import GRAD_NORM
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


STAGE = Stage("rl", 12, RlConfig, build, data=("unicode",))
