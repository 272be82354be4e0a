"""Pairs with what the reference says of them: computed once, kept, and read again."""

import numpy as np
import pytest

from pipeline.preferences import compared_pairs
from pipeline.preferences.answer_logprobs import answer_logprobs
from pipeline.preferences.compared_pairs import ComparedPair, with_reference

PAIRS = [
    ComparedPair([5, 9, 12], [7, 8, 3], [9]),
    ComparedPair([5, 9], [11, 3], [6, 6, 3]),
    ComparedPair([4, 4, 4, 4], [3], [12, 3]),
]


def test_the_references_log_probabilities_are_of_the_answers_alone(chat_model, tmp_path):
    reference, _ = chat_model
    found = with_reference(PAIRS, reference, tmp_path, mismatched=True)
    for place, pair in enumerate(PAIRS):
        for chosen, own in ((True, pair.chosen), (False, pair.rejected)):
            answer = found.answer(place, chosen)
            assert (answer.prompt, answer.tokens) == (pair.prompt, own)
            half = 0 if chosen else 1
            (alone,) = answer_logprobs(reference, [answer])
            assert found.logs([place])[half] == pytest.approx(alone, abs=1e-5)
    assert found.logs([2, 0]).tolist() == [
        *found.chosen[[2, 0]].tolist(),
        *found.rejected[[2, 0]].tolist(),
    ]


def test_mismatched_answers_are_the_pairs_before_in_turns(chat_model, tmp_path):
    reference, _ = chat_model
    found = with_reference(PAIRS, reference, tmp_path, mismatched=True)
    made = [found.mismatched(place) for place in range(3)]
    assert [one.prompt for one in made] == [pair.prompt for pair in PAIRS]
    assert [one.tokens for one in made] == [PAIRS[2].chosen, PAIRS[0].rejected, PAIRS[1].chosen]
    assert found.mismatched_logs([0, 1, 2]) == pytest.approx(
        answer_logprobs(reference, made), abs=1e-5
    )
    plain = with_reference(PAIRS, reference, tmp_path / "dpo", mismatched=False)
    assert np.isnan(plain.mismatched_answers).all()


def test_a_mismatched_answer_is_cut_where_the_context_ends(chat_model, tmp_path):
    reference, _ = chat_model
    context = reference.config.max_context
    long = ComparedPair([5] * (context - 2), [7, 8, 3], [9])
    found = with_reference([long, PAIRS[0]], reference, tmp_path, mismatched=True)
    assert len(found.mismatched(0).tokens) == 3
    longer = ComparedPair([5] * (context - 1), [7], [9])
    found = with_reference([longer, PAIRS[0]], reference, tmp_path / "b", mismatched=True)
    assert found.mismatched(0).tokens == PAIRS[0].chosen[:2]
    assert np.isfinite(found.mismatched_answers).all()


def test_a_resumed_run_reads_what_the_first_wrote(chat_model, tmp_path, monkeypatch):
    reference, _ = chat_model
    first = with_reference(PAIRS, reference, tmp_path, mismatched=True)
    monkeypatch.setattr(compared_pairs, "answer_logprobs", None)
    again = with_reference(PAIRS, reference, tmp_path, mismatched=True)
    for name in ("chosen", "rejected", "mismatched_answers"):
        assert (getattr(again, name) == getattr(first, name)).all()
