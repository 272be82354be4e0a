"""Figures by kind and level, by hand."""

import pytest

from pipeline.rl import rl_levels
from storage.schemas import RL_LEVELS
from storage.tables import table


def answer(step, level, group, draw, replaced, reward, kind, length, logprob, stopped):
    return {
        **{"step": step, "task": "sum", "level": level, "group": group, "draw": draw},
        **{"replaced": replaced, "reward": reward, "answer_type": kind, "length": length},
        **{"logprob": logprob, "stopped": stopped},
    }


ROWS = [
    # group 0: all wrong, replaced by one with 1 of 4 right; group 1: 2 of 4 right
    *(answer(1, 3, 0, 0, True, 0.0, "wrong", 10, -1.0, False) for _ in range(4)),
    answer(1, 3, 0, 1, False, 1.0, "correct", 4, -2.0, True),
    *(answer(1, 3, 0, 1, False, 0.0, "wrong", 10, -1.0, False) for _ in range(3)),
    *(answer(1, 3, 1, 0, False, 1.0, "correct", 6, -2.0, True) for _ in range(2)),
    *(answer(1, 3, 1, 0, False, 0.75, "wrong", 8, -1.0, True) for _ in range(2)),
    *(answer(1, 4, 2, 0, False, 0.0, "wrong", 10, -5.0, False) for _ in range(4)),
    *(answer(2, 3, 0, 0, False, 1.0, "correct", 2, -1.0, True) for _ in range(4)),
]


def test_rows_by_hand():
    found = rl_levels.of(ROWS, 4)
    assert [(row["step"], row["level"]) for row in found] == [(1, 3), (1, 4), (2, 3)]
    one = found[0]
    assert (one["groups"], one["answers"], one["replaced_groups"]) == (3, 12, 1)
    assert one["reward"] == pytest.approx((1 + 2 + 1.5) / 12)
    # a wrong answer that is paid for all the same is wrong
    assert one["pass_at_k"] == [
        {"k": 1, "value": pytest.approx((0 + 1 / 4 + 1 / 2) / 3)},
        {"k": 2, "value": pytest.approx((0 + 1 / 2 + 5 / 6) / 3)},
        {"k": 4, "value": pytest.approx(2 / 3)},
    ]
    tokens = 40 + 4 + 30 + 12 + 16
    assert one["length"] == pytest.approx(tokens / 12)
    assert one["stopped_length"] == pytest.approx((4 + 12 + 16) / 5)
    assert one["entropy"] == pytest.approx((4 + 2 + 3 + 4 + 2) / tokens)
    assert (one["stopped_share"], one["truncated_share"]) == pytest.approx((5 / 12, 7 / 12))
    assert one["flat_group_share"] == pytest.approx(1 / 3)
    assert [row["wasted_answers"] for row in found] == [4, 4, 4]
    assert found[1]["stopped_length"] is None
    assert table(found, RL_LEVELS).num_rows == 3
