"""Scores by class and model, in order; shares add up."""

import pytest
from injection_strings import INJECTIONS
from known_lake import MARKUP

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages.honesty_by_class import honesty_of
from storage import Lake


def test_shares_of_all_questions(known_lake: Lake) -> None:
    shown = ServedLake(known_lake)
    found = honesty_of(shown, ["base", "sft"])
    shown.close()
    assert [(one.frequency, one.is_trained, one.model) for one in found] == [
        *(("often", False, name) for name in ("base", "sft", MARKUP)),
        *(("never", True, name) for name in ("base", "sft", MARKUP)),
    ]
    assert INJECTIONS[0] == MARKUP
    assert found[0].shares == pytest.approx((0.6, 0.2, 0.2))
    assert (found[0].answered.n, found[0].right and found[0].right.n) == (40, 32)
    assert found[3].right is None
    assert found[3].shares == (0, 0, 1)  # it admitted all
