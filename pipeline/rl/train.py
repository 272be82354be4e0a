"""Reinforcement learning: a chat model in; the same one, better at what can be checked, out.

Each step draws tasks, samples answers, rewards only correctness and makes one policy-gradient
update. Tasks and draws are functions of (seed, step) alone, so a checkpoint needs model, optimizer
and the metrics so far; rollouts of finished steps wait in scratch. Under torchrun each process
takes a share of the prompts. Before its first update it says so if hardly any prompt is ever
answered right: then no group has variance and RL learns nothing.
"""

import math
import random
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from pipeline import model as models
from pipeline.config import to_dict
from pipeline.curriculum.tasks import draw
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.policy_gradient import accumulate_gradients
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution, matrix_rate, runtime
from pipeline.training.interruption import EXIT_CODE, Interruption
from pipeline.training.keeper import Keeper, Rhythm
from pipeline.training.loop import check_recomputation
from pipeline.training.meter import Meter
from pipeline.training.optimizers import Optimizer, build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.schedule import lr_scale
from pipeline.training.watchdog import Watchdog
from storage.durable import make_folder, publish
from storage.errors import UserError
from storage.schemas import METRICS, ROLLOUTS, TIMING
from storage.tables import read_table, table, write_table


def step_rollouts(
    model: Transformer, tokenizer: Tokenizer, config: RlConfig, step: int
) -> list[rolls.Rollout]:
    """This process' share of a step's answers."""
    rng = random.Random(f"{config.seed}:rl:{step}")
    tasks = draw(config.prompts_per_step, config.digits, config.spelling_share, rng)
    share = len(tasks) // distribution.world()
    first = distribution.rank() * share
    return rolls.sample(
        Engine(model),
        tokenizer,
        tasks[first : first + share],
        config,
        seed=config.seed * 1_000_003 + step,
        first_group=first,
    )


def update(
    model: Transformer,
    optimizer: Optimizer,
    answers: list[rolls.Rollout],
    config: RlConfig,
    *,
    total_tokens: float,
    scale: float,
) -> tuple[float, float]:
    """One policy-gradient update; (loss, gradient norm) over all processes."""
    model.train()
    loss = accumulate_gradients(
        model,
        answers,
        temperature=config.temperature,
        top_k=config.top_k,
        ratio_limit=config.ratio_limit,
        normalizer=total_tokens,
        micro_rows=config.micro_rows,
        chunk_tokens=config.loss_chunk_tokens,
    )
    parameters = optimizer.parameters()
    distribution.sum_gradients(parameters)
    loss = distribution.sum_numbers([loss], model.device)[0]
    norm = math.sqrt(
        sum(float(p.grad.double().square().sum()) for p in parameters if p.grad is not None)
    )
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise UserError(f"rl: loss {loss} and gradient norm {norm}: lower rl.rate_factor")
    if config.max_grad_norm and norm > config.max_grad_norm:
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(config.max_grad_norm / norm)
    # Without a gradient there is nothing to learn from; momentum must not walk on alone.
    if norm > 0.0:
        optimizer.step(scale)
    optimizer.clear_gradients()
    return loss, norm


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: RlConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    """The `rl` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    check_config(config)
    model, tokenizer = models.load(inputs["sft"][0], device, dtype)
    if not tokenizer.has_conversation_tokens:
        raise UserError(f"{inputs['sft'][0]} is no chat model: RL starts from the sft stage's")
    model.recompute = config.activation_checkpointing == "layers"
    optimizer = build_optimizer(model, config.optimizer.scaled(config.rate_factor))
    settings = to_dict(config)
    for name in ("checkpoint_seconds", "watchdog_seconds"):
        settings.pop(name)
    machine = matrix_rate.measure(device, dtype)  # before the keeper's thread writes
    if machine.busy:
        progress.note(f"rl: {machine.warning()}")
    rhythm = Rhythm(config.checkpoint_seconds)
    keeper = Keeper(scratch, model, optimizer, ["rl", settings], rhythm, progress)
    done, notes = keeper.resume()
    metrics: list[dict[str, Any]] = notes.get("metrics", [])
    timing: list[dict[str, Any]] = notes.get("timing", [])
    start: dict[str, float] = notes.get("start", {})
    tokens: int = notes.get("tokens", 0)
    meter = Meter(device, machine, tokens, notes.get("used", {}))
    if done:
        progress.note(f"rl: resumed at step {done} of {config.steps}")
    progress.history("rl", (row | clock for row, clock in zip(metrics, timing)))
    watchdog = Watchdog(config.watchdog_seconds)
    with watchdog, keeper, Interruption() as interruption:
        while done < config.steps:
            watchdog.expect("step")
            answers = step_rollouts(model, tokenizer, config, done)
            sums = _add_up(rolls.summarize(answers), model.device)
            seen = rolls.figures(sums)
            if done == 0:
                start = _before_training(seen, config, progress)
            scale = lr_scale(
                done,
                config.steps,
                config.warmup_steps,
                config.warmdown_fraction,
                config.final_fraction,
            )
            loss, norm = update(
                model, optimizer, answers, config, total_tokens=sums["tokens"], scale=scale
            )
            _keep(scratch, done, answers)
            done += 1
            tokens += int(sums["tokens"])
            metrics.append(
                {
                    "stage": "rl",
                    "step": done,
                    "tokens": tokens,
                    "loss": loss,
                    "lr": scale * optimizer.config.matrix_lr,
                    "grad_norm": norm,
                    **{name: seen[name] for name in _LOGGED},
                }
            )
            # Sampling does most of the work, and its FLOPs are not the training step's: no MFU.
            timing.append(meter.row(done, tokens, None))
            progress.metric(**metrics[-1] | timing[-1])
            speed = timing[-1]["tokens_per_second"]
            progress.update(
                done, config.steps, "steps", reward=seen["reward"], tokens_per_second=speed
            )
            # By now every process has kept its rollouts: this waits for all of them.
            stopping, *clock = distribution.any_of(
                [interruption.requested, keeper.waited, keeper.busy], model.device
            )
            if stopping or (keeper.due(done, *clock) and done < config.steps):
                watchdog.expect("checkpoint")
                kept = {"metrics": list(metrics), "timing": list(timing), "start": start}
                keeper.save(done, {**kept, "tokens": tokens, "used": meter.used()})
            if stopping:
                keeper.wait()
                sys.exit(EXIT_CODE)
    progress.note(f"rl: {meter.summary()}")
    if distribution.rank() == 0:
        models.save(model, tokenizer, out)
        write_run(out, table(metrics, METRICS), table(timing, TIMING))
        write_table(_kept(scratch, config.steps), out / "rollouts.parquet")
    return {
        "steps": config.steps,
        "precision": str(dtype).removeprefix("torch."),
        "processes": distribution.world(),
        "answers": config.steps * config.prompts_per_step * config.answers_per_prompt,
        "tokens": tokens,
        "start": start,
        "end": {name: metrics[-1][name] for name in _LOGGED},
    }


_LOGGED = ("reward", "length", "entropy", "worked_share", "flat_group_share")


def check_config(config: RlConfig) -> None:
    """Refuse what can't work, before anything is sampled."""
    if config.steps < 1 or config.prompts_per_step < 1 or config.micro_rows < 1:
        raise UserError("rl: steps, prompts_per_step and micro_rows must be at least 1")
    if config.answers_per_prompt < 2:
        raise UserError(
            "rl.answers_per_prompt must be at least 2: the group's mean is the baseline"
        )
    if config.temperature <= 0.0:
        raise UserError("rl.temperature must be above 0: equal answers have no advantage")
    if not config.ratio_limit >= 1.0:
        raise UserError("rl.ratio_limit must be at least 1: that is where both agree")
    check_recomputation(config.activation_checkpointing)
    if config.prompts_per_step % distribution.world():
        raise UserError(
            f"rl.prompts_per_step is {config.prompts_per_step}: it must be a multiple of the "
            f"{distribution.world()} processes"
        )


def _before_training(
    seen: dict[str, float], config: RlConfig, progress: Progress
) -> dict[str, float]:
    """pass@1 and pass@k of the model as it came, and a warning where RL can't work."""
    k = config.answers_per_prompt
    progress.note(
        f"rl: before training pass@1 is {seen['reward']:.3f}, pass@{k} is {seen['pass_at_k']:.3f}"
    )
    if seen["pass_at_k"] < config.min_pass_at_k:
        progress.note(
            f"rl: hardly any prompt was answered right in {k} tries, so RL would learn nothing: "
            "fine-tune longer, or set rl.digits to fewer digits"
        )
    return {name: seen[name] for name in (*_LOGGED, "stopped_share", "pass_at_k")}


def _add_up(sums: dict[str, float], device: torch.device) -> dict[str, float]:
    """The sums over all processes."""
    return dict(zip(sums, distribution.sum_numbers(list(sums.values()), device)))


def _rollout_file(scratch: Path, step: int, rank: int) -> Path:
    return scratch / "rollouts" / f"{step:06d}-{rank:03d}.parquet"


def _keep(scratch: Path, step: int, answers: list[rolls.Rollout]) -> None:
    """A step's rollouts, on disk before a checkpoint can say that the step is done."""
    path = _rollout_file(scratch, step, distribution.rank())
    part = path.with_suffix(".part")
    make_folder(path.parent)
    write_table(table(rolls.rows(step + 1, answers), ROLLOUTS), part)
    publish(part, path)


def _kept(scratch: Path, steps: int) -> pa.Table:
    """All rollouts in order of step and group."""
    files = [
        _rollout_file(scratch, step, rank)
        for step in range(steps)
        for rank in range(distribution.world())
    ]
    return pa.concat_tables([read_table(file) for file in files])


STAGE = Stage("rl", 4, RlConfig, build, data=("unicode",))
