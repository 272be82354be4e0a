"""Reinforcement learning: a chat model in; the same one, better at what can be checked, out.

A client of pretraining's loop: each step draws tasks, samples answers and rewards only correctness,
and the loop learns by those answers' policy gradient. Given an interrogation, some tasks ask what
the model may not know, and a wrong answer costs what the system message says. Given conversations,
rows of them are learned beside, so that what no reward asks for stays. Tasks and draws are
functions of seed and batch number, answers of the model as well; rollouts of finished steps are
kept in scratch. Under torchrun each process takes a share of the prompts. Before the first update
people are told if hardly any prompt is ever answered right: then no group has variance and RL
learns nothing.
"""

import functools
import math
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pyarrow as pa
import pyarrow.compute as pc
import torch

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.rl import honesty_prompts, rehearsal, task_sources, tool_rollouts
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyQuestions
from pipeline.rl.policy_gradient import policy_terms
from pipeline.rl.rollouts import LoggedFigures, RolloutFigures, RolloutRow, RolloutSums
from pipeline.rl.task_sources import OWN, TaskSources, step_tasks
from pipeline.sft.conversation_loader import ConversationData
from pipeline.stage import SILENT, Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.tools.named_tools import named
from pipeline.tools.toolbox import NO_TOOLS, Toolbox
from pipeline.training import distribution, loop, runtime
from pipeline.training.config import LoopConfig
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.spikes import GRAD_NORM
from pipeline.training.step import StepLoss
from storage.durable import written_by_name
from storage.errors import UserError
from storage.schemas import ROLLOUTS
from storage.tables import read_table, table, write_table


class RlInputs(TypedDict):
    """Folders of artifacts, one each."""

    sft: list[Path]  # or an interrogated model
    interrogation: NotRequired[list[Path]]  # what the model knows; without it honesty isn't asked
    # whatever has a conversations.parquet; without any nothing is rehearsed
    conversations: NotRequired[list[Path]]
    tasks: NotRequired[list[Path]]  # files of GSM8K, where the mixture names it


class RlStatistics(TypedDict):
    """Of an `rl` artifact."""

    steps: int
    precision: str
    processes: int
    answers: int  # sampled
    tokens: int  # of all answers
    start: RolloutFigures  # of the first step, before any update
    end: LoggedFigures  # of the last step


def step_rollouts(
    model: Transformer,
    tokenizer: Tokenizer,
    config: RlConfig,
    questions: HonestyQuestions | None,
    number: int,
    sources: TaskSources = OWN,
    toolbox: Toolbox = NO_TOOLS,
) -> list[rolls.Rollout]:
    """Sample this process' share of a batch's answers.

    Args:
        model: the policy.
        tokenizer: with conversation tokens.
        config: of the stage.
        questions: of the interrogation, if there is one.
        number: of the batch.
        sources: of the tasks.
        toolbox: what answers may call.
    """
    tasks = step_tasks(config, questions, number, sources)
    share = len(tasks) // distribution.world()
    first = distribution.rank() * share
    sample = rolls.sample
    if toolbox.tools:
        sample = functools.partial(tool_rollouts.sample, toolbox=toolbox)
    return sample(
        Engine(model),
        tokenizer,
        tasks[first : first + share],
        config,
        seed=config.seed * 1_000_003 + number,
        first_group=first,
    )


def step_loss(
    model: Transformer,
    tokenizer: Tokenizer,
    config: RlConfig,
    questions: HonestyQuestions | None,
    conversations: ConversationData | None,
    scratch: Path,
    progress: Progress,
    done: int,
    number: int,
    sources: TaskSources = OWN,
    toolbox: Toolbox = NO_TOOLS,
) -> StepLoss:
    """Sample the answers of a batch and keep them; the loss is a mean over their tokens.

    Answers of advantage zero count in that mean. What rehearsal adds is a mean of its own.

    Args:
        model: the policy.
        tokenizer: with conversation tokens.
        config: of the stage.
        questions: of the interrogation, if there is one.
        conversations: to rehearse, if there are any.
        scratch: where answers are kept, as those of the step after `done`: where a run went back,
            the later ones of a step replace the earlier.
        progress: is told how the model starts.
        done: steps.
        number: of the batch.
        sources: of the tasks.
        toolbox: what answers may call.
    """
    answers = step_rollouts(model, tokenizer, config, questions, number, sources, toolbox)
    rows = rolls.rows(done + 1, answers)
    # On disk before a checkpoint can say that the step is done: at each step's end the loop waits
    # for all processes.
    _keep(scratch, done, rows)
    sums = _add_up(rolls.summarize(rows), model.device)
    figures = rolls.figures(sums)
    if number == 0:
        _say_start(figures, config, progress)
    terms = policy_terms(
        model,
        answers,
        temperature=config.temperature,
        top_k=config.top_k,
        ratio_limit=config.ratio_limit,
        micro_rows=config.micro_rows,
        chunk_tokens=config.loss_chunk_tokens,
    )
    if conversations:
        terms += rehearsal.terms(
            model,
            conversations,
            number,
            weight=config.rehearsal_weight,
            normalizer=sums["tokens"],
            loop=loop_config(config),
        )
    # Sampling does most of the work, and its FLOPs are not the training step's: no MFU.
    return StepLoss(
        terms,
        normalizer=sums["tokens"],
        tokens=int(sums["tokens"]),
        figures=rolls.logged(figures),
        shown=("reward",),
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
    sources = task_sources.given(inputs.get("tasks", []), config, tokenizer, room, progress)
    conversations = rehearsal.given(
        inputs.get("conversations", []),
        config.rehearsal_rows,
        model.config.max_context,
        tokenizer,
        config.seed,
    )
    loss_of = functools.partial(
        step_loss,
        model,
        tokenizer,
        config,
        questions,
        conversations,
        scratch,
        progress,
        sources=sources,
        toolbox=toolbox,
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
    answers = _kept(scratch, config.steps)
    first: list[RolloutRow] = answers.filter(pc.equal(answers["step"], 1)).to_pylist()
    models.save(model, tokenizer, out)
    write_run(out, metrics, timing)
    write_table(answers, out / "rollouts.parquet")
    return {
        "steps": config.steps,
        "precision": str(dtype).removeprefix("torch."),
        "processes": distribution.world(),
        "answers": config.steps * config.prompts_per_step * config.answers_per_prompt,
        "tokens": metrics["tokens"][-1].as_py(),
        "start": rolls.figures(rolls.summarize(first)),
        "end": cast(LoggedFigures, rolls.logged(metrics.slice(config.steps - 1).to_pylist()[0])),
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
    right = seen.get("right_share", seen["reward"])
    progress.note(f"rl: before training pass@1 is {right:.3f}, pass@{k} is {seen['pass_at_k']:.3f}")
    if "answer_rate" in seen:
        progress.note(
            f"rl: of honesty's questions {seen['answer_rate']:.1%} are answered before training,"
            f" reward {seen['honesty_reward']:+.3f}"
        )
    if seen["pass_at_k"] < config.min_pass_at_k:
        progress.note(
            f"rl: hardly any prompt was answered right in {k} tries, so RL would learn nothing: "
            "fine-tune longer, or set rl.tasks to lower levels"
        )


def _add_up(sums: RolloutSums, device: torch.device) -> RolloutSums:
    """The sums over all processes."""
    own = cast(dict[str, float], sums)
    total = distribution.sum_numbers(list(own.values()), device)
    return cast(RolloutSums, dict(zip(own, total)))


def _rollout_file(scratch: Path, step: int, rank: int) -> Path:
    return scratch / "rollouts" / f"{step:06d}-{rank:03d}.parquet"


def _keep(scratch: Path, done: int, rows: list[RolloutRow]) -> None:
    """Write this process' rows of the step after `done` to disk."""
    with written_by_name(_rollout_file(scratch, done, distribution.rank())) as part:
        write_table(table(rows, ROLLOUTS), part)


def _kept(scratch: Path, steps: int) -> pa.Table:
    """The rollouts of all processes, in order of step and group."""
    files = [
        _rollout_file(scratch, step, rank)
        for step in range(steps)
        for rank in range(distribution.world())
    ]
    return pa.concat_tables([read_table(file) for file in files])


STAGE = Stage("rl", 9, RlConfig, build, data=("unicode",))
