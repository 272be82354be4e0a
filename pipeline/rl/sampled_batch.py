"""A batch of answers: tasks drawn, answered, flat groups replaced, all of it kept on disk.

In: the policy and the number of a batch. Out: this process' answers that are learned from, and the
rows of all that it sampled. What a batch asks is a function of seed, number and the rows of earlier
steps, which lie beside the checkpoints: the same for every number of processes, and after a kill.
"""

import dataclasses
import functools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.curriculum.task_type import Task
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.rl import honesty_prompts, pools, rollouts, tool_rollouts
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyQuestions
from pipeline.rl.pools import Pool
from pipeline.rl.rollout_figures import RolloutRow, is_flat
from pipeline.rl.rollouts import Rollout
from pipeline.rl.task_sources import OWN, TaskSources, pool_tasks, step_tasks
from pipeline.tokenizer import Tokenizer
from pipeline.tools.toolbox import NO_TOOLS, Toolbox
from pipeline.training import distribution
from storage.durable import written_by_name
from storage.schemas import ROLLOUTS
from storage.tables import read_table, table, write_table


@dataclasses.dataclass(frozen=True)
class Sampler:
    """The policy, and what it is asked."""

    model: Transformer
    tokenizer: Tokenizer
    config: RlConfig
    questions: HonestyQuestions | None = None  # of the interrogation, if there is one
    sources: TaskSources = OWN
    toolbox: Toolbox = NO_TOOLS  # what answers may call

    def sample(
        self, number: int, rates: Mapping[Pool, float] | None = None
    ) -> tuple[list[Rollout], list[Rollout]]:
        """This process' share of a batch's answers.

        Args:
            number: of the batch.
            rates: how often each pool was answered right of late; None: the mixture decides alone.

        Returns:
            The answers that are learned from, and those whose tasks gave way to others.
        """
        config = self.config
        tasks = step_tasks(config, self.questions, number, self.sources, rates)
        share = len(tasks) // distribution.world()
        mine = range(distribution.rank() * share, (distribution.rank() + 1) * share)
        engine = Engine(self.model)
        groups = self._answer(engine, {place: tasks[place] for place in mine}, number, 0)
        replaced: list[Rollout] = []
        for draw in range(1, config.replacement_rounds + 1):
            flat = self._flat_places(groups, len(tasks))
            if not flat:
                break
            rng = random.Random(f"{config.seed}:rl:{number}:{draw}")
            fresh = pool_tasks(config, len(flat), rng, self.sources, rates or {})
            own = {place: task for place, task in zip(flat, fresh) if place in mine}
            for place, answers in self._answer(engine, own, number, draw).items():
                replaced += groups[place]
                groups[place] = answers
        return [answer for place in mine for answer in groups[place]], replaced

    def _answer(
        self, engine: Engine, tasks: Mapping[int, Task], number: int, draw: int
    ) -> dict[int, list[Rollout]]:
        """The answers to tasks, both by their place in the batch."""
        found: dict[int, list[Rollout]] = {place: [] for place in tasks}
        if tasks:
            # Runs are a million and three apart, draws of a batch as many runs as nobody makes.
            seed = (self.config.seed + 1_000_000_007 * draw) * 1_000_003 + number
            sample = rollouts.sample
            if self.toolbox.tools or any(task.later for task in tasks.values()):
                sample = functools.partial(tool_rollouts.sample, toolbox=self.toolbox)
            for answer in sample(
                engine,
                self.tokenizer,
                list(tasks.values()),
                self.config,
                seed=seed,
                groups=list(tasks),
                draw=draw,
            ):
                found[answer.group].append(answer)
        return found

    def _flat_places(self, groups: Mapping[int, Sequence[Rollout]], places: int) -> list[int]:
        """Where a task of the mixture has a group without variance, over all processes."""
        flat = [0.0] * places
        for place, answers in groups.items():
            honest = answers[0].task.kind == honesty_prompts.KIND
            flat[place] = float(not honest and is_flat([answer.reward for answer in answers]))
        summed = distribution.sum_numbers(flat, self.model.device)
        return [place for place, value in enumerate(summed) if value]


def recent_rates(scratch: Path, done: int, config: RlConfig) -> dict[Pool, float] | None:
    """How often each pool was answered right in the last batches; None where nobody asks.

    Args:
        scratch: where rows are kept.
        done: steps, a multiple of `updates_per_batch`: those after it belong to a course that the
            run has left.
        config: of the stage.
    """
    if config.curriculum == "mixture":
        return None
    each = config.updates_per_batch
    steps = range(max(0, done - config.pool_batches * each), done, each)
    tables = [read_table(file, columns=pools.COLUMNS) for file in _files(scratch, steps)]
    return pools.pass_rates(pa.concat_tables(tables).to_pylist() if tables else [])


def keep(scratch: Path, done: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write this process' rows of the batch that is sampled after so many steps to disk.

    Args:
        scratch: where.
        done: steps.
        rows: of ROLLOUTS, this stage's or another's.
    """
    with written_by_name(_file(scratch, done, distribution.rank())) as part:
        write_table(table(rows, ROLLOUTS), part)


def kept_rows(scratch: Path, done: int) -> list[RolloutRow]:
    """This process' rows of such a batch."""
    rows: list[RolloutRow] = read_table(_file(scratch, done, distribution.rank())).to_pylist()
    return rows


def kept(scratch: Path, steps: range) -> pa.Table:
    """The rows of all processes, in order of step and group."""
    return pa.concat_tables([read_table(file) for file in _files(scratch, steps)])


def _files(scratch: Path, steps: range) -> list[Path]:
    return [_file(scratch, step, rank) for step in steps for rank in range(distribution.world())]


def _file(scratch: Path, step: int, rank: int) -> Path:
    return scratch / "rollouts" / f"{step:06d}-{rank:03d}.parquet"
