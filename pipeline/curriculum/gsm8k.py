"""GSM8K's word problems as tasks, from a file in its authors' format.

In: JSON lines with `question` and a worked `answer` that ends with `#### 72`; gzip is told by its
first bytes. Out: problems with their numbers, and of each row that can't be asked its line and why.
Rows are split by their question like every other problem, so that fine-tuning, RL and evaluation
share none of one file.
"""

import dataclasses
import random
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.curriculum import numerals
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_kinds import TaskKind, is_number
from pipeline.curriculum.task_mixture import GSM8K, GSM8K_VERIFIED
from pipeline.curriculum.task_type import Task
from pipeline.curriculum.verified_answers import is_verified
from pipeline.inflate import InflatedTooLarge, gunzip
from storage import strict_json
from storage.errors import UserError

NAMES = ("gsm8k_train.jsonl", "gsm8k_train.jsonl.gz")  # the test set's is never trained on
MOST_BYTES = 1 << 30  # of a file, unpacked
# By the kind's name, of a reply and the answer.
JUDGES = {GSM8K: is_number, GSM8K_VERIFIED: is_verified}
_GZIP = b"\x1f\x8b"
_CALCULATOR = re.compile(r"<<[^<>]*>>")


@dataclasses.dataclass(frozen=True)
class RejectedLine:
    """A row that can't be asked."""

    line: int  # from 1
    reason: str


@dataclasses.dataclass(frozen=True)
class Gsm8kFile:
    """What a file holds: rows = tasks + rejected."""

    tasks: tuple[Task, ...]  # without a wording of ours
    rejected: tuple[RejectedLine, ...]

    @property
    def rows(self) -> int:
        """How many rows the file has; blank lines are none."""
        return len(self.tasks) + len(self.rejected)


def read(path: Path) -> Gsm8kFile:
    """The problems of a file, in its order, each question once.

    Raises:
        UserError: it can't be read, or no row can be asked; the line names the first row's reason.
    """
    tasks: dict[str, Task] = {}
    rejected: list[RejectedLine] = []
    # Lines end at \n alone: U+2028 or U+0085 inside a text are data.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip(" \t\r"):
            continue
        try:
            task = _task(line)
            if task.prompt in tasks:
                raise ValueError("the question stands above already")
            tasks[task.prompt] = task
        except ValueError as error:
            rejected.append(RejectedLine(number, str(error)))
    if not tasks:
        why = f"line {rejected[0].line}: {rejected[0].reason}" if rejected else "it is empty"
        raise UserError(f"{path} holds no problem that can be asked: {why}")
    return Gsm8kFile(tuple(tasks.values()), tuple(rejected))


def kind(tasks: Sequence[Task], name: str) -> TaskKind:
    """Problems of a file as a kind of tasks, of one level.

    Args:
        tasks: of the file.
        name: the kind's, one of JUDGES.
    """
    by_split: dict[str, list[Task]] = {}
    for task in tasks:
        renamed = dataclasses.replace(task, kind=name)
        by_split.setdefault(problem_split(task.problem), []).append(renamed)

    def make(level: int, split: str, rng: random.Random, new_wording: bool = False) -> Task:
        if split not in by_split:
            raise UserError(f"{name}: none of {len(tasks)} problems is of split {split}")
        return rng.choice(by_split[split])

    return TaskKind(make, 1, JUDGES[name])


def _task(line: str) -> Task:
    """The task of a row; ValueError says why it is none."""
    try:
        row = strict_json.loads(line)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError("a row is a JSON object")
    question, answer = _said(row, "question"), _said(row, "answer")
    worked, hashes, number = answer.rpartition("####")
    if not hashes:
        raise ValueError("'answer' has no #### before its number")
    value = numerals.whole(number.strip())
    if value is None:
        raise ValueError(f"after #### stands {number.strip()[:40]!r}, and no number")
    shown = _CALCULATOR.sub("", worked).strip()
    return Task(
        question,
        str(value),
        GSM8K,
        0,
        level=1,
        problem=f"gsm8k:{' '.join(question.casefold().split())}",
        solution=f"{shown} The answer is {number.strip()}.".strip(),
    )


def _said(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"a row needs a text {key!r}")
    if not strict_json.is_unicode(value):
        raise ValueError(f"{key!r} holds half of a surrogate pair")
    return value


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gunzip(data, MOST_BYTES)
        return data.decode("utf-8-sig")
    except (OSError, EOFError, InflatedTooLarge, UnicodeDecodeError, zlib.error) as error:
        raise UserError(f"{path} can't be read: {error}") from error
