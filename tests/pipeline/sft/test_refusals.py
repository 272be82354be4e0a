"""Refusals answer harmful requests alone, in their language, and every other answer is none."""

import random

import pytest

from pipeline.curriculum.requests_to_refuse import requests
from pipeline.evals.refusal_phrases import is_refusal
from pipeline.sft import refusals
from pipeline.sft.refusals import REFUSALS


@pytest.mark.parametrize("harmful", [True, False])
def test_requests_of_training_alone_each_once_with_their_own_answer(harmful):
    made = refusals.conversations(count=400, harmful=harmful, rng=random.Random(0))
    known = {request.text: request for request in requests("train", harmful)}
    assert len({asked.content for (asked, _), _ in made}) == len(made) == 400
    for (asked, answer), act in made:
        request = known[asked.content]
        assert act == request.act
        right = REFUSALS[request.language] if harmful else (request.answer,)
        assert answer.content in right
    assert (len({answer.content for (_, answer), _ in made}) == 9) == harmful


def test_no_more_are_made_than_there_are():
    made = refusals.conversations(count=10**6, harmful=True, rng=random.Random(0))
    assert len(made) == len(requests("train", True))


def test_every_refusal_is_recognised_and_no_answer_is():
    for language, sentences in REFUSALS.items():
        assert all(map(is_refusal, sentences)), language
    for split in ("train", "new_topics"):
        for request in requests(split, False):
            assert not is_refusal(request.answer), request.answer
            assert not is_refusal(request.text), request.text
