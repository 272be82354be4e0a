"""One class for why a record was kept or not, with the columns of the tables that say so."""

import dataclasses

import pyarrow as pa
import pytest

from pipeline.decision import COLUMNS, DECIDED, KEPT, Decision, dropped, failed
from storage.schemas import LEDGER, SELECTION


@pytest.mark.parametrize("schema", [LEDGER, SELECTION])
def test_a_decision_s_fields_are_the_ledger_s_columns_in_its_order(schema: pa.Schema) -> None:
    assert [name for name in schema.names if name in COLUMNS] == COLUMNS
    assert [schema.field(name) for name in COLUMNS] == list(DECIDED)


def test_a_row_has_every_column() -> None:
    assert list(KEPT.row()) == COLUMNS
    assert KEPT.row() == dict.fromkeys(COLUMNS, "") | {
        "outcome": "kept",
        "value": None,
        "threshold": None,
    }
    assert dropped("url", "soft_words", 3, 2, "a b c").row() == {
        "outcome": "dropped",
        "stage": "url",
        "rule": "soft_words",
        "value": 3.0,
        "threshold": 2.0,
        "detail": "a b c",
    }


def test_measured_counts_are_floats_and_nothing_measured_stays_none() -> None:
    for made in (dropped("read", "size", 3, 2), failed("read", "size", 3, 2)):
        assert (type(made.value), type(made.threshold)) == (float, float)
    assert dropped("read", "empty") == Decision("dropped", "read", "empty")
    assert failed("read", "no_url") == Decision("error", "read", "no_url")


def test_it_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        KEPT.outcome = "dropped"  # type: ignore[misc]
