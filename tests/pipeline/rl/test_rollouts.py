"""Groups, rewards, advantages and the figures that are logged."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.curriculum.tasks import draw
from pipeline.model.engine import Engine
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.rollout_figures import figures, summarize
from storage.schemas import ROLLOUTS
from storage.tables import table

CONFIG = RlConfig(prompts_per_step=4, answers_per_prompt=3, max_new_tokens=20)


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 6), st.integers(2, 9)),
        elements=st.sampled_from([0, 1]),
    )
)
def test_advantages_have_mean_zero_in_each_group(rewards):
    found = rolls.advantages(rewards)
    assert np.allclose(found.mean(axis=1), 0.0, atol=1e-12)
    flat = rewards.min(axis=1) == rewards.max(axis=1)
    assert (found[flat] == 0.0).all()
    assert (np.sign(found[~flat]) == np.where(rewards[~flat] == 1, 1, -1)).all()


def test_advantage_is_reward_minus_the_mean_undivided():
    assert rolls.advantages(np.array([[1.0, 0.0, 0.0, 0.0]])).tolist() == [
        [0.75, -0.25, -0.25, -0.25]
    ]


@pytest.fixture
def sampled(chat_model):
    model, tokenizer = chat_model
    tasks = draw(4, ("sum:1-2=1",), random.Random(0))
    return (
        tokenizer,
        tasks,
        rolls.sample(Engine(model), tokenizer, tasks, CONFIG, 7, groups=range(8, 12)),
    )


def test_rollouts_stand_in_groups_of_their_task(sampled):
    tokenizer, tasks, found = sampled
    assert [r.group for r in found] == [8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11]
    stop = tokenizer.special(STOP)
    for index, r in enumerate(found):
        assert r.task is tasks[index // 3]
        assert r.prompt == prompt([user(r.task.prompt)], tokenizer)
        assert r.stopped == (r.tokens[-1] == stop)
        assert len(r.tokens) == len(r.logprobs) <= 20
        assert STOP not in r.text or not r.stopped
    assert len({tuple(r.tokens) for r in found}) > 6


def test_a_task_draws_the_same_answers_whatever_else_is_in_the_batch(sampled, chat_model):
    _, tasks, found = sampled
    model, tokenizer = chat_model
    alone = rolls.sample(Engine(model), tokenizer, tasks[2:], CONFIG, 7, groups=[10, 11])
    assert [r.tokens for r in alone] == [r.tokens for r in found[6:]]


def test_figures_of_a_hand_made_step(sampled):
    import dataclasses

    found = sampled[2]
    shapes = [
        # group, reward, tokens, logprob of each, text, stopped
        (0, 1.0, 3, -1.0, "7+8=15 so 15", True),
        (0, 0.0, 1, -3.0, "4", True),
        (1, 0.0, 5, -0.5, "7", False),
        (1, 0.0, 1, -0.5, "", True),
        (2, 1.0, 2, -1.0, "9", True),
        (2, 0.0, 2, -1.0, "3", False),
    ]
    made = [
        dataclasses.replace(
            found[0],
            group=group,
            reward=reward,
            tokens=[1] * length,
            logprobs=[logprob] * length,
            text=text,
            stopped=stopped,
            answer_type="correct" if reward else "wrong",
        )
        for group, reward, length, logprob, text, stopped in shapes
    ]
    assert figures(summarize(rolls.rows(1, made))) == {
        # no share is its own opposite's
        "reward": pytest.approx(2 / 6),
        "length": pytest.approx(14 / 6),
        "entropy": pytest.approx((3 + 3 + 2.5 + 0.5 + 2 + 2) / 14),
        "worked_share": pytest.approx(1 / 6),
        "stopped_share": pytest.approx(4 / 6),
        "truncated_share": pytest.approx(2 / 6),
        "flat_group_share": pytest.approx(1 / 3),
        "wasted_share": pytest.approx(1 / 3),
        "pass_at_1": pytest.approx(2 / 6),
        "pass_at_k": pytest.approx(2 / 3),
    }


def test_rows_fit_the_table(sampled):
    _, _, found = sampled
    rows = table(rolls.rows(3, found), ROLLOUTS).to_pylist()
    assert len(rows) == 12
    assert {row["step"] for row in rows} == {3}
    assert rows[0]["completion"] == found[0].text
    assert rows[0]["logprob"] == pytest.approx(sum(found[0].logprobs))
    assert rows[0]["kl"] is None
