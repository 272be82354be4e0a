"""Costs add up, and each cap is the first amount that is too much."""

import pytest

from pipeline.sft.teacher.budget import NOTHING, Cost, billed, exceeded, most
from pipeline.sft.teacher.chat_endpoint import ChatAnswer
from pipeline.sft.teacher.config import TeacherConfig
from storage.errors import UserError

PRICED = TeacherConfig(
    price_per_million_prompt_tokens=2.0, price_per_million_answer_tokens=8.0, max_money=0.01
)


def test_money_is_tokens_by_their_prices() -> None:
    assert Cost(3, 1_000_000, 500_000).money(PRICED) == 6.0
    assert NOTHING.money(PRICED) == 0.0


def test_costs_add_and_subtract() -> None:
    assert Cost(1, 2, 3) + Cost(10, 20, 30) - Cost(1, 1, 1) == Cost(10, 21, 32)


@pytest.mark.parametrize(
    ("fits", "does_not", "cap"),
    [
        (Cost(5), Cost(6), "max_requests"),
        (Cost(1, 60, 40), Cost(1, 60, 41), "max_total_tokens"),
        (Cost(1, 61, 39), Cost(1, 62, 39), "max_total_tokens"),
    ],
)
def test_a_cap_itself_is_still_allowed(fits: Cost, does_not: Cost, cap: str) -> None:
    config = TeacherConfig(max_requests=5, max_total_tokens=100)
    assert exceeded(fits, config) == ""
    assert exceeded(does_not, config) == cap


def test_the_cap_on_money() -> None:
    assert exceeded(Cost(1, 5_000, 0), PRICED) == ""
    assert exceeded(Cost(1, 5_001, 0), PRICED) == "max_money"
    assert exceeded(Cost(1, 1_000, 1_001), PRICED) == "max_money"


def test_without_caps_nothing_is_too_much() -> None:
    assert exceeded(Cost(10**12, 10**15, 10**15), TeacherConfig()) == ""


def test_the_most_is_what_no_tokenizer_exceeds() -> None:
    assert most("Grüße".encode(), 50) == Cost(1, 7, 50)


@pytest.mark.parametrize(
    ("answer", "cost"),
    [
        (ChatAnswer("a", prompt_tokens=4, answer_tokens=2), Cost(1, 4, 2)),
        (ChatAnswer("a", prompt_tokens=0, answer_tokens=0), Cost(1, 0, 0)),
        (ChatAnswer("a", prompt_tokens=4), Cost(1, 4, 50)),  # the endpoint doesn't say
        (ChatAnswer("a"), Cost(1, 90, 50)),
        (ChatAnswer(problem="too_large"), Cost(1, 90, 50)),
        (ChatAnswer(problem="refused"), Cost(1)),
        (ChatAnswer(problem="no_completion"), Cost(1)),
    ],
)
def test_what_an_answer_has_cost(answer: ChatAnswer, cost: Cost) -> None:
    assert billed(answer, Cost(1, 90, 50)) == cost


def test_a_cap_on_money_needs_prices() -> None:
    with pytest.raises(UserError, match="max_money: needs the prices"):
        TeacherConfig(max_money=1.0)


def test_a_teacher_needs_a_name() -> None:
    with pytest.raises(UserError, match=r"model: with teacher\.requests name the teacher"):
        TeacherConfig(requests=1)
