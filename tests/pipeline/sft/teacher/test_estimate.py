"""What a teacher will cost, held against what it did cost."""

from dataclasses import replace

import pytest

from pipeline.sft.teacher.budget import Cost
from pipeline.sft.teacher.config import TeacherConfig
from pipeline.sft.teacher.estimate import estimate

CONFIG = TeacherConfig(requests=200, model="m")


def test_judging_doubles_the_requests() -> None:
    assert estimate(CONFIG).expected.requests == estimate(CONFIG).most.requests == 400
    alone = estimate(replace(CONFIG, min_score=0))
    assert alone.expected.requests == 200
    assert alone.expected.prompt_tokens < estimate(CONFIG).expected.prompt_tokens


def test_it_grows_with_what_is_asked() -> None:
    half, whole = estimate(replace(CONFIG, requests=100)), estimate(CONFIG)
    assert whole.most.prompt_tokens == 2 * half.most.prompt_tokens
    longer = estimate(replace(CONFIG, passage_characters=2_400))
    more = 2 * 200 * 1_200  # characters, to teacher and judge
    found = longer.expected.prompt_tokens - whole.expected.prompt_tokens
    assert found == pytest.approx(more / 4, rel=0.02)
    assert longer.most.prompt_tokens - whole.most.prompt_tokens == more
    assert whole.most.answer_tokens == 200 * (1_200 + 300)


def test_expected_is_below_the_most() -> None:
    found = estimate(CONFIG)
    assert found.expected.prompt_tokens < found.most.prompt_tokens
    assert found.expected.answer_tokens < found.most.answer_tokens
    assert not found.measured


def test_what_was_measured_counts_by_the_request() -> None:
    found = estimate(CONFIG, Cost(80, 80 * 700, 80 * 90))
    assert found.measured
    assert found.expected == Cost(400, 400 * 700, 400 * 90)


def test_nothing_is_asked_of_no_teacher() -> None:
    assert estimate(TeacherConfig()).most == Cost()
