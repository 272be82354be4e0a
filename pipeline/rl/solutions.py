"""Right answers of a larger model, to fine-tune a smaller one on: rejection sampling.

In: a model that chats, the tokenizer of the one that is to learn, a mixture of tasks. Out:
rollouts.parquet, every answer that was drawn with its reward; conversations.parquet, of each prompt
the first few right ones, which are all different. The teacher's tokenizer may be any: what passes
between them is text. Batches of prompts are kept in scratch, so that a killed run goes on.

Source: distillation in DeepSeek-R1 (arXiv 2501.12948, section 2.4); STaR (arXiv 2203.14465).
"""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pyarrow as pa

from pipeline import model as models
from pipeline.chat.conversation import assistant, render, spans, to_row
from pipeline.curriculum.held_out import is_validation
from pipeline.curriculum.tasks import Task, draw
from pipeline.model.engine import Engine
from pipeline.rl import rollouts as rolls
from pipeline.rl import task_sources
from pipeline.rl.config import RlConfig, SolutionsConfig
from pipeline.sft import worked_tasks
from pipeline.sft.conversations import ConversationRow
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import runtime
from storage.durable import written_by_name
from storage.errors import UserError
from storage.schemas import CONVERSATIONS, ROLLOUTS
from storage.tables import read_table, table, write_table

SOURCE = "solutions"


class SolutionsInputs(TypedDict):
    """Folders of artifacts, one each."""

    teacher: list[Path]
    tokenizer: list[Path]  # of the model that is to learn
    tasks: NotRequired[list[Path]]  # files of GSM8K, where the mixture names it


class SolutionsStatistics(TypedDict):
    """Of a `solutions` artifact."""

    prompts: int
    answers: int
    right: int  # of the answers
    solved: int  # prompts with a right answer
    solved_by_kind: dict[str, float]  # share of each kind's prompts
    conversations: int
    too_long: int  # right answers left out for their length
    validation: int  # of the conversations
    loss_tokens: int


def build(
    out: Path,
    inputs: SolutionsInputs,
    config: SolutionsConfig,
    progress: Progress,
    scratch: Path,
) -> SolutionsStatistics:
    """The `solutions` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    teacher, its = models.load(inputs["teacher"][0], device, dtype)
    if not its.has_conversation_tokens:
        raise UserError(f"{inputs['teacher'][0]} is no chat model: it can't be asked")
    tokenizer = Tokenizer.load(inputs["tokenizer"][0]).with_conversation_tokens()
    sources = task_sources.given(
        inputs.get("tasks", []),
        config.tasks,
        its,
        teacher.config.max_context,
        progress,
        "solutions.tasks",
    )
    asked = draw(
        config.prompts,
        config.tasks,
        random.Random(f"{config.seed}:{SOURCE}"),
        kinds=sources.kinds,
        fits=sources.fits,
    )
    engine, batches = Engine(teacher, frozen=True), []
    for number, first in enumerate(range(0, len(asked), config.prompts_at_once)):
        tasks = asked[first : first + config.prompts_at_once]
        batches.append(_batch(engine, its, tasks, number, config, scratch))
        progress.update(first + len(tasks), len(asked), "prompts")
    drawn = pa.concat_tables(batches)
    kept, too_long = conversations(asked, drawn, tokenizer, config)
    seen = figures(drawn)
    progress.note(
        f"{SOURCE}: of {seen['answers']:,} answers to {len(asked):,} prompts {seen['right']:,} are"
        f" right, {seen['solved']:,} prompts are solved; {len(kept):,} conversations,"
        f" {too_long:,} right answers too long"
    )
    if not any(row["split"] == "train" for row in kept):
        raise UserError(
            "solutions: no answer of the teacher became a conversation: ask for lower levels"
            " (solutions.tasks), more answers, or take another teacher"
        )
    write_table(drawn, out / "rollouts.parquet")
    write_table(table(kept, CONVERSATIONS), out / "conversations.parquet")
    return {
        **seen,
        "conversations": len(kept),
        "too_long": too_long,
        "validation": sum(row["split"] == "validation" for row in kept),
        "loss_tokens": sum(end - start for row in kept for start, end in row["loss_spans"]),
    }


class _Drawn(TypedDict):
    prompts: int
    answers: int
    right: int
    solved: int
    solved_by_kind: dict[str, float]


def figures(drawn: pa.Table) -> _Drawn:
    """What became of the answers.

    Args:
        drawn: rows of ROLLOUTS.
    """
    rows = drawn.select(["task", "group", "reward"]).to_pylist()
    kind_of = {row["group"]: row["task"] for row in rows}
    solved = {row["group"] for row in rows if row["reward"] > 0}
    asked, right = Counter(kind_of.values()), Counter(kind_of[group] for group in solved)
    return {
        "prompts": len(kind_of),
        "answers": len(rows),
        "right": sum(row["reward"] > 0 for row in rows),
        "solved": len(solved),
        "solved_by_kind": {kind: right[kind] / asked[kind] for kind in sorted(asked)},
    }


def conversations(
    asked: Sequence[Task], drawn: pa.Table, tokenizer: Tokenizer, config: SolutionsConfig
) -> tuple[list[ConversationRow], int]:
    """The right answers that are kept, and how many were too long.

    Args:
        asked: all tasks, in the order of their groups.
        drawn: rows of ROLLOUTS, by group.
        tokenizer: of the model that is to learn, with conversation tokens.
        config: how many are kept, and how long ones.
    """
    made: list[ConversationRow] = []
    seen: dict[int, set[str]] = {}
    too_long = 0
    for row in drawn.to_pylist():
        group, text = row["group"], row["completion"]
        kept = seen.setdefault(group, set())
        if row["reward"] <= 0 or text in kept or len(kept) == config.kept_per_prompt:
            continue
        task = asked[group]
        messages = [*rolls.messages(task), assistant(text)]
        ids, mask = render(messages, tokenizer)
        if len(ids) > config.max_tokens:
            too_long += 1
            continue
        kept.add(text)
        named = f"{SOURCE}:{task.prompt}:{text}".encode()
        made.append(
            {
                "id": hashlib.sha256(named).hexdigest()[:32],
                "source": SOURCE,
                **to_row(messages),
                "loss_spans": spans(mask),
                "origin": "",
                "split": "validation"
                if is_validation(worked_tasks.subject(task), config.validation_fraction)
                else "train",
            }
        )
    return made, too_long


def _batch(
    engine: Engine,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    number: int,
    config: SolutionsConfig,
    scratch: Path,
) -> pa.Table:
    """The answers to some prompts: of an earlier, killed run where it has them."""
    first = number * config.prompts_at_once
    file = scratch / f"answers-{number:06d}.parquet"
    if not file.exists():
        answers = rolls.sample(
            engine,
            tokenizer,
            tasks,
            _drawing(config),
            seed=config.seed,  # no two prompts are the same, so all draws differ
            groups=range(first, first + len(tasks)),
        )
        with written_by_name(file) as part:
            write_table(table(rolls.rows(number + 1, answers), ROLLOUTS), part)
    return read_table(file)


def _drawing(config: SolutionsConfig) -> RlConfig:
    """How answers are drawn and judged: as RL does it, for the reward alone."""
    return RlConfig(
        answers_per_prompt=config.answers_per_prompt,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_k=config.top_k,
        policy_weight=0.0,  # then a single answer is enough, which has no group
        distillation_weight=1.0,
    )


STAGE = Stage("solutions", 2, SolutionsConfig, build, data=("unicode",))
