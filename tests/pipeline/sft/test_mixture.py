"""Mixtures: each source as often as asked, every conversation before one comes twice."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sft.config import SftConfig
from pipeline.sft.conversation_loader import ConversationData
from pipeline.sft.mixture import Passes, entries_of, epochs_of
from pipeline.training.data_loader import RowPart
from storage.errors import UserError

# 40 tokens of facts in 4 conversations, 300 of two imported files
SOURCES = [*["facts"] * 4, *["imported/a"] * 10, *["imported/b"] * 5]
TOKENS = [*[10] * 4, *[20] * 10, *[20] * 5]


def test_without_a_mixture_each_source_is_seen_once() -> None:
    ones = {"facts": 1.0, "imported/a": 1.0, "imported/b": 1.0}
    for unit in ("epochs", "weights"):
        assert epochs_of(SOURCES, TOKENS, (), unit) == ones


def test_by_epochs_the_first_entry_that_fits_counts_and_others_stay() -> None:
    mixture = ("imported/b=0", "imported/*=2.5")
    assert epochs_of(SOURCES, TOKENS, mixture, "epochs") == {
        "facts": 1.0,
        "imported/a": 2.5,
        "imported/b": 0.0,
    }


def test_by_weights_a_pass_has_those_shares_of_tokens_and_the_scarcest_source_once() -> None:
    epochs = epochs_of(SOURCES, TOKENS, ("facts=1", "imported/*=2"), "weights")
    assert epochs == pytest.approx({"facts": 1.0, "imported/a": 0.4, "imported/b": 0.8})
    seen = dict.fromkeys(epochs, 0.0)
    for source, size in zip(SOURCES, TOKENS):
        seen[source] += epochs[source] * size
    assert seen["imported/a"] == pytest.approx(2 * seen["facts"])
    assert seen["imported/b"] == pytest.approx(2 * seen["facts"])


def test_a_weight_of_nothing_leaves_a_source_out() -> None:
    epochs = epochs_of(SOURCES, TOKENS, ("facts=3", "*=0"), "weights")
    assert epochs == {"facts": 1.0, "imported/a": 0.0, "imported/b": 0.0}


@pytest.mark.parametrize(
    ("mixture", "unit", "message"),
    [
        (("import=2",), "epochs", r"no source import: there are facts, imported/a, imported/b"),
        (("facts=1",), "weights", r"no weight for imported/a, imported/b: .*'\*=0'"),
        (("*=0",), "epochs", "nothing is left"),
        (("*=0",), "weights", "nothing is left"),
    ],
)
def test_what_can_not_be_meant_is_refused(mixture: Any, unit: str, message: str) -> None:
    with pytest.raises(UserError, match=rf"sft\.mixture: {message}"):
        epochs_of(SOURCES, TOKENS, mixture, unit)


@pytest.mark.parametrize("entry", ["facts", "facts=", "=2", "facts=two", "a=-1", "a=nan", "a=1e9"])
def test_an_entry_names_a_source_and_a_number(entry: str) -> None:
    with pytest.raises(ValueError, match="write SOURCE=NUMBER"):
        entries_of([entry])
    with pytest.raises(UserError, match=r"mixture: .*write SOURCE=NUMBER"):
        SftConfig(mixture=(entry,))


def test_entries_may_hold_equals_signs_in_the_name() -> None:
    assert entries_of(["imported/a=b=2", " facts =0.5"]) == [("imported/a=b", 2.0), ("facts", 0.5)]
    with pytest.raises(UserError, match="mixture_unit"):
        SftConfig(mixture_unit="tokens")


@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from([0.0, 0.1, 1 / 3, 0.9, 1.0, 1.5, 2.0, 7.25])),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 3),
    passes=st.integers(1, 9),
)
def test_every_conversation_comes_as_often_as_asked(
    groups: list[tuple[int, float]], seed: int, passes: int
) -> None:
    epochs = [value for count, value in groups for _ in range(count)]
    often = np.asarray(epochs)
    if max(value * epochs.count(value) for value in epochs) < 1:
        with pytest.raises(UserError, match="less than one"):
            Passes(epochs, seed)
        return
    order = Passes(epochs, seed)
    total = np.zeros(len(epochs))
    for number in range(passes):
        held = np.bincount(order.indices(number), minlength=len(epochs))
        assert held.sum() > 0
        assert np.all(np.abs(held - often) < 1)  # exactly, where it is a whole number
        for value in np.unique(often):  # of equal ones about the same number each time
            assert abs(held[often == value].sum() - value * epochs.count(value)) <= 1
        total += held
    assert np.all(np.abs(total - passes * often) < 1)


def test_a_seed_decides_which_ones_a_pass_holds_in_part() -> None:
    held = {tuple(Passes([0.5] * 20, seed).indices(0)) for seed in range(5)}
    assert len(held) == 5
    assert all(len(of) == 10 for of in held)


def test_without_a_mixture_batches_are_what_they_were() -> None:
    """Digests of earlier models must hold: the order is numpy's permutation of all numbers."""
    parts = [RowPart(np.full(3, number), np.ones(3, dtype=np.int64)) for number in range(50)]
    plain = ConversationData(parts, 15, 4, 0, seed=5)
    generator = np.random.default_rng([5, 2])
    first = generator.permutation(50).tolist()
    held = [at for row in plain._epoch(2) for at in row]
    assert sorted(held) == list(range(50))
    assert {tuple(row) for row in plain._epoch(2)} == {
        tuple(first[at] for at in row) for row in _rows(50)
    }
    ones = ConversationData(parts, 15, 4, 0, seed=5, epochs=[1.0] * 50)
    for step in (0, 5, 9):
        assert plain.batch(step).tokens.tolist() == ones.batch(step).tokens.tolist()


def _rows(count: int) -> list[list[int]]:
    from pipeline.training.packing import whole_rows

    return whole_rows([3] * count, 16)


def test_a_loader_holds_each_conversation_as_often_as_its_source() -> None:
    parts = [RowPart(np.full(5, number + 1), np.ones(5, dtype=np.int64)) for number in range(12)]
    too_long = RowPart(np.full(99, 99), np.ones(99, dtype=np.int64))
    epochs = [9.0, *[2.0] * 4, *[0.0] * 4, *[0.5] * 4]  # the first is the one too long
    data = ConversationData([too_long, *parts], 15, 1, 0, 3, epochs)
    assert data.left_out == 1
    for epoch in range(4):
        held = np.bincount([at for row in data._epoch(epoch) for at in row], minlength=12)
        assert held[:4].tolist() == [2, 2, 2, 2]
        assert held[4:8].sum() == 0
        assert held[8:].sum() == 2
