"""A batch's answers kept beside the checkpoints, for the updates after the first.

Each update learns from a part of the groups, so that the last one sees answers of a policy that is
some updates old. What is needed of an answer is written when it was sampled, and every later update
reads it from there: whether the run was killed in between or not.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.rl.rollouts import Rollout, drawn_tokens
from storage.durable import written_by_name
from storage.errors import UserError
from storage.tables import read_table, table, write_table

ANSWERS = pa.schema(
    [
        ("group", pa.int64()),
        ("prompt", pa.list_(pa.int64())),
        ("tokens", pa.list_(pa.int64())),
        ("logprobs", pa.list_(pa.float64())),
        ("advantage", pa.float64()),
        ("drawn", pa.list_(pa.bool_())),
    ]
)


@dataclasses.dataclass(frozen=True)
class KeptAnswer:
    """What an update needs of a rollout, see `Rollout`."""

    group: int
    prompt: list[int]
    tokens: list[int]
    logprobs: list[float]
    advantage: float
    drawn: Sequence[bool] = ()

    @property
    def length(self) -> int:
        """Tokens that the policy drew."""
        return drawn_tokens(self.tokens, self.drawn)


Answers = Sequence[Rollout | KeptAnswer]


def file(scratch: Path, step: int, rank: int, world: int) -> Path:
    """Where a process keeps the answers that it sampled after so many steps."""
    return scratch / "answers" / f"{step:06d}-{rank:03d}-of-{world:03d}.parquet"


def keep(path: Path, answers: Answers) -> None:
    """Write answers to disk."""
    names = [field.name for field in dataclasses.fields(KeptAnswer)]
    rows = [{name: getattr(answer, name) for name in names} for answer in answers]
    with written_by_name(path) as part:
        write_table(table(rows, ANSWERS), part)


def read(path: Path) -> list[KeptAnswer]:
    """The answers again.

    Raises:
        UserError: they are not there.
    """
    if not path.exists():
        raise UserError(
            f"{path}: the answers of this batch are not there (were they sampled by another number"
            " of processes?): empty the folder and run again"
        )
    rows = read_table(path).to_pylist()
    return [KeptAnswer(**{**row, "drawn": tuple(row["drawn"])}) for row in rows]


def part_of(answers: Sequence[KeptAnswer], part: int, parts: int) -> list[KeptAnswer]:
    """The answers that one of a batch's updates learns from: every so many-th group."""
    return [answer for answer in answers if answer.group % parts == part]
