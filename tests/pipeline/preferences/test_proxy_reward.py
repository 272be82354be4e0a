"""Rewards by models: which tokens are read, what an ensemble gives, and what is refused."""

import numpy as np
import pytest
import torch

from pipeline.chat.conversation import STOP, assistant, prompt, render, user
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.proxy_reward import ModelReward, load_model_reward, member_folders
from pipeline.preferences.reward_model import RewardModel, save_reward_model
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

PROMPTS = [
    PreferencePrompt("first", (user("Who is Ada Abel?"),)),
    PreferencePrompt("second", (user("What is 12 + 30?"),)),
]


@pytest.fixture
def members(chat_model):
    """Three reward models of one chat model whose heads differ."""
    model, tokenizer = chat_model
    return [RewardModel.of_chat_model(model, 0.5, seed).eval() for seed in range(3)], tokenizer


def drawn(text: str, tokenizer: Tokenizer, stopped: bool = True) -> DrawnAnswer:
    tokens = tokenizer.encode(text) + ([tokenizer.special(STOP)] if stopped else [])
    return DrawnAnswer(tokens, [0.0] * len(tokens), stopped, text, text)


def test_what_is_read_is_the_conversation_up_to_its_stop_token(members):
    models, tokenizer = members
    texts = [["A baker.", "I don't know that."], ["12 + 30 = 42.", "99"]]
    found = ModelReward(models[:1], tokenizer)(
        PROMPTS, [[drawn(text, tokenizer) for text in group] for group in texts]
    )
    assert (found.shape, found.dtype) == ((2, 2), np.float64)
    for row, (asked, group) in enumerate(zip(PROMPTS, texts)):
        for column, text in enumerate(group):
            whole, _ = render([*asked.messages, assistant(text)], tokenizer)
            end = len(whole) - whole[::-1].index(tokenizer.special(STOP))
            expected = float(models[0].score([whole[:end]])[0])
            assert found[row, column] == pytest.approx(expected, abs=1e-5)
    assert found.std() > 0.01


def test_a_cut_answer_is_read_as_though_it_had_stopped_there(members):
    models, tokenizer = members
    reward = ModelReward(models, tokenizer)
    cut, ended = (drawn("A baker of", tokenizer, stopped) for stopped in (False, True))
    found = reward(PROMPTS[:1], [[cut, ended]])
    assert found[0, 0] == pytest.approx(found[0, 1], abs=1e-6)
    room = models[0].config.max_context - len(prompt(PROMPTS[0].conversation, tokenizer))
    long = drawn("a" * 1000, tokenizer, stopped=False)
    full = DrawnAnswer([tokenizer.encode("a")[0]] * room, [0.0] * room, False, "", "")
    assert len(long.tokens) > room
    assert np.isfinite(reward(PROMPTS[:1], [[long, full]])).all()
    assert reward([], []).shape == (0, 0)


def test_an_ensemble_gives_its_mean_less_so_many_deviations(members):
    models, tokenizer = members
    answers = [[drawn(text, tokenizer) for text in ("A baker.", "No.")] for _ in PROMPTS]
    each = np.array([ModelReward([m], tokenizer)(PROMPTS, answers) for m in models])
    mean = ModelReward(models, tokenizer)(PROMPTS, answers)
    np.testing.assert_allclose(mean, each.mean(axis=0), atol=1e-6)
    careful = ModelReward(models, tokenizer, deviations=2.0)(PROMPTS, answers)
    np.testing.assert_allclose(careful, each.mean(axis=0) - 2 * each.std(axis=0), atol=1e-6)
    assert (careful < mean - 0.01).all()


def test_what_is_no_number_is_refused_by_the_prompts_id(members):
    models, tokenizer = members
    with torch.no_grad():
        models[1].reward_head[0] = torch.nan
    answers = [[drawn("A baker.", tokenizer)] for _ in PROMPTS]
    with pytest.raises(UserError, match="gives nan for answer 1 to prompt first: it is broken"):
        ModelReward(models, tokenizer)(PROMPTS, answers)


def test_an_answer_that_does_not_fit_is_refused_by_the_prompts_id(members):
    models, tokenizer = members
    answers = [[drawn("A baker.", tokenizer)], [drawn("word " * 300, tokenizer)]]
    with pytest.raises(UserError, match=r"prompt second: .* exceed the reward model's context"):
        ModelReward(models, tokenizer)(PROMPTS, answers)


def test_all_members_of_an_artifact_are_loaded_in_their_order(members, post_training, tmp_path):
    models, tokenizer = members
    save_reward_model(models[0], tokenizer, tmp_path)
    for number in (1, 2, 10):
        save_reward_model(models[number % 3], tokenizer, tmp_path / f"member-{number}")
    names = [folder.name for folder in member_folders(tmp_path)]
    assert names == [tmp_path.name, "member-1", "member-2", "member-10"]
    reward = load_model_reward([tmp_path], tokenizer, deviations=1.0)
    assert [float(m.reward_head[0]) for m in reward.models] == [
        float(models[n].reward_head.detach()[0]) for n in (0, 1, 2, 1)
    ]
    assert reward.deviations == 1.0


def test_no_model_another_tokenizer_and_odd_deviations_are_refused(members, tmp_path):
    from random_models import byte_tokenizer
    from toy_artifacts import small_model

    _, tokenizer = members
    with pytest.raises(UserError, match="no reward model is given"):
        load_model_reward([], tokenizer)
    save_reward_model(
        RewardModel.of_chat_model(small_model(258), 0.1, 0), byte_tokenizer(), tmp_path
    )
    with pytest.raises(UserError, match="tokenizer is another than the policy's"):
        load_model_reward([tmp_path], tokenizer)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(UserError, match="give 0 or more"):
            load_model_reward([tmp_path], byte_tokenizer(), deviations=wrong)
