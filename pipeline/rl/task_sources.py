"""What RL asks: our own generators' tasks, a file of GSM8K, data sets of reasoning-gym, honesty.

In: the mixture, files, the model's tokenizer and context. Out: how tasks of each kind are made,
whether a task leaves room for an answer, and the tasks of a batch. What is asked for and isn't
there is one line before anything is sampled.
"""

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.chat.conversation import after_reply, prompt, user
from pipeline.curriculum import gsm8k, optional_packages, reasoning_gym_tasks, verified_answers
from pipeline.curriculum.task_kinds import ALL_KINDS, TaskKind
from pipeline.curriculum.task_mixture import GSM8K, GSM8K_VERIFIED, GYM, entries_of
from pipeline.curriculum.task_type import Task
from pipeline.curriculum.tasks import draw, draw_at
from pipeline.rl import honesty_prompts, pools
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyQuestions
from pipeline.rl.pools import Pool
from pipeline.stage import Progress
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class TaskSources:
    """What tasks are drawn with."""

    kinds: Mapping[str, TaskKind]
    fits: Callable[[Task], bool] | None = None  # whether a task has room; None: all have


OWN = TaskSources(ALL_KINDS)


def given(
    files: Sequence[Path],
    mixture: Sequence[str],
    tokenizer: Tokenizer,
    max_context: int,
    progress: Progress,
    key: str = "rl.tasks",
) -> TaskSources:
    """The sources of a mixture.

    Args:
        files: of GSM8K, if the mixture names it.
        mixture: see `task_mixture`.
        tokenizer: of the model.
        max_context: likewise.
        progress: is told what a file holds, and which package's version is used.
        key: of the mixture, for messages.

    Raises:
        UserError: a file or package that the mixture needs isn't there.
    """

    def fits(task: Task) -> bool:
        """Whether all that the user says leaves room for the last reply to begin.

        The replies before it are as long as the right one at the end.
        """
        said = [after_reply(text, tokenizer) for text in task.later]
        replied = len(said) * (len(tokenizer.encode(task.solution)) + 1)  # with their stop tokens
        asked = len(prompt([user(task.prompt)], tokenizer))
        return asked + sum(map(len, said)) + replied < max_context

    check(mixture, files, key)
    kinds = dict(ALL_KINDS)
    names = {entry.kind for entry in entries_of(mixture)}
    for name in sorted(names - kinds.keys()):
        if name.startswith(GYM):
            kinds[name] = reasoning_gym_tasks.kind(name.removeprefix(GYM))
        else:
            kinds[name] = _gsm8k(files, name, fits, progress, key)
    return TaskSources(kinds, fits)


def step_tasks(
    config: RlConfig,
    questions: HonestyQuestions | None,
    number: int,
    sources: TaskSources = OWN,
    rates: Mapping[Pool, float] | None = None,
) -> list[Task]:
    """What a batch asks: tasks of the mixture, then honesty's questions.

    Args:
        config: of the stage.
        questions: of the interrogation; None: honesty isn't asked.
        number: of the batch.
        sources: of the tasks.
        rates: how often each pool was answered right of late; None: the mixture decides alone.
    """
    rng = random.Random(f"{config.seed}:rl:{number}")
    honesty = round(config.honesty_share * config.prompts_per_step) if questions else 0
    others = config.prompts_per_step - honesty
    if rates is None:
        # The mixture goes on where the batch before ended, so that what has little weight comes
        # too.
        tasks = draw(
            others,
            config.tasks,
            rng,
            first=number * others,
            kinds=sources.kinds,
            fits=sources.fits,
        )
    else:
        tasks = pool_tasks(config, others, rng, sources, rates)
    if questions:
        tasks += honesty_prompts.draw(questions, honesty, config, rng)
    return tasks


def pool_tasks(
    config: RlConfig,
    count: int,
    rng: random.Random,
    sources: TaskSources,
    rates: Mapping[Pool, float],
) -> list[Task]:
    """`count` tasks of the mixture's pools, by the mixture's weights and their pass rates.

    Args:
        config: of the stage.
        count: how many.
        rng: the random generator.
        sources: of the tasks.
        rates: from `pools.pass_rates`; empty: by the mixture's weights alone.
    """
    places = pools.places(count, config.tasks, rates, rng)
    named = ", ".join(config.tasks)
    return draw_at(count, places.__getitem__, named, rng, kinds=sources.kinds, fits=sources.fits)


def needs_files(mixture: Sequence[str]) -> bool:
    """Whether a mixture names a kind whose problems stand in a file."""
    return any(entry.kind in (GSM8K, GSM8K_VERIFIED) for entry in entries_of(mixture))


def check(mixture: Sequence[str], files: Sequence[Path], key: str = "rl.tasks") -> None:
    """Refuse a mixture whose files or packages aren't there, before anything runs.

    Args:
        mixture: of tasks.
        files: of GSM8K.
        key: of the mixture, for messages.

    Raises:
        UserError: something is missing; the line says what to do.
    """
    names = {entry.kind for entry in entries_of(mixture)}
    if needs_files(mixture) and not files:
        raise UserError(
            f"{key} names {GSM8K}: give a file {' or '.join(gsm8k.NAMES)} by input.tasks"
        )
    if GSM8K_VERIFIED in names:
        optional_packages.require(
            verified_answers.MODULE, verified_answers.PACKAGE, verified_answers.WHY
        )
    for name in sorted(names):
        if name.startswith(GYM):
            reasoning_gym_tasks.check_name(name.removeprefix(GYM))


def _gsm8k(
    files: Sequence[Path],
    name: str,
    fits: Callable[[Task], bool],
    progress: Progress,
    key: str,
) -> TaskKind:
    tasks = []
    for path in files:
        found = gsm8k.read(path)
        asked = [task for task in found.tasks if fits(task)]
        reasons = Counter(row.reason for row in found.rejected)
        first = {row.reason: row.line for row in reversed(found.rejected)}
        rejected = ", ".join(f"{n} × {why} (line {first[why]})" for why, n in reasons.items())
        progress.note(
            f"{key.partition('.')[0]}: {path.name}: {found.rows:,} rows ="
            f" {len(found.tasks):,} problems + {len(found.rejected):,} rejected"
            f"{f': {rejected}' if rejected else ''};"
            f" {len(found.tasks) - len(asked):,} problems leave no room for an answer"
        )
        tasks += asked
    if not tasks:
        raise UserError(f"{key}: no problem of {name} leaves room for an answer in the context")
    return gsm8k.kind(tasks, name)
