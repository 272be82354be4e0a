"""What became of a record and why: one class, its fields named and ordered as the ledger's columns.

Whatever decides about a record, from the reader of its HTTP response to decontamination, answers
with a `Decision`. `COLUMNS` and `DECIDED` are the same for tables that hold one a row.
"""

import dataclasses
import operator
from typing import Literal

import pyarrow as pa

from storage.schemas import LEDGER

Outcome = Literal["kept", "dropped", "error"]


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What became of one record; `dropped` and `failed` make those that are not kept."""

    outcome: Outcome
    stage: str = ""  # of pipeline.filters.stages; "" where kept
    rule: str = ""  # the field of the stage's config with the threshold, or a short name
    value: float | None = None  # what was measured; None if the rule measures nothing
    threshold: float | None = None  # what it was compared with, likewise
    detail: str = ""  # the word, the language, the error, …

    def row(self) -> dict[str, str | float | None]:
        """Its columns of a table's row."""
        return dict(zip(COLUMNS, _VALUES(self)))


COLUMNS = [field.name for field in dataclasses.fields(Decision)]
DECIDED = pa.schema([LEDGER.field(name) for name in COLUMNS])
_VALUES = operator.attrgetter(*COLUMNS)  # a row for each record: twice as fast as a loop
KEPT = Decision("kept")


def dropped(
    stage: str,
    rule: str,
    value: float | None = None,
    threshold: float | None = None,
    detail: str = "",
) -> Decision:
    """A page that a rule of this stage rules out."""
    return Decision("dropped", stage, rule, _number(value), _number(threshold), detail)


def failed(
    stage: str,
    rule: str,
    value: float | None = None,
    threshold: float | None = None,
    detail: str = "",
) -> Decision:
    """A record that this stage can't read, or not within its limits."""
    return Decision("error", stage, rule, _number(value), _number(threshold), detail)


def _number(value: float | None) -> float | None:
    """Counts as well: a column of the ledger has one type."""
    return None if value is None else float(value)
