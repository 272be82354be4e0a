"""What an answer earns beside correctness: the soft penalty, and the flaw kept to be shown."""

import pytest

from pipeline.curriculum.task_type import Task
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyTask
from pipeline.rl.rewards import reward, soft_penalty, substring_credit

SUM = Task("107 + 107?", "214", "sum", 3, level=3)
HONEST = HonestyTask("Where?", "Hale", "honesty", 0, target=0.75)


@pytest.mark.parametrize(
    ("length", "stopped", "expected"),
    [
        (1, True, 0.0),
        (80, True, 0.0),
        (85, True, -0.25),
        (90, True, -0.5),
        (100, True, -1.0),
        (100, False, -1.0),
        (40, False, -1.0),  # the context was full
    ],
)
def test_the_soft_penalty_by_hand(length, stopped, expected):
    """Of 100 tokens the last 20 cost."""
    assert soft_penalty(length, stopped, 100, 0.2) == pytest.approx(expected)


def test_the_substring_credit_by_hand():
    assert substring_credit("214", "2140") == 0.75
    assert substring_credit("214", "1 or 2 or 214 or 3") == 0.75
    assert substring_credit("214", "215") == 0.0
    assert substring_credit("", "anything") == 0.0


@pytest.mark.parametrize(
    ("changes", "kind", "reply", "expected"),
    [
        ({}, "correct", "214", 1.0),
        ({}, "wrong", "2140", 0.0),
        ({"reward": "substring"}, "correct", "214", 1.0),
        ({"reward": "substring"}, "wrong", "2140", 0.75),
        ({"overlong": "soft"}, "correct", "214", 0.5),
        ({"overlong": "soft"}, "wrong", "215", -0.5),
        ({"overlong": "mask"}, "correct", "214", 1.0),
    ],
)
def test_rewards_by_hand(changes, kind, reply, expected):
    config = RlConfig(max_new_tokens=100, **changes)
    assert reward(SUM, reply, kind, True, 90, config) == pytest.approx(expected)


def test_honesty_pays_by_its_target_and_no_substring():
    config = RlConfig(reward="substring")
    assert reward(HONEST, "Hale or Dorn", "wrong", True, 5, config) == pytest.approx(-3.0)
    assert reward(HONEST, "I don't know.", "idk", True, 5, config) == 0.0
