"""A reward model's scores: one a conversation, the same alone and among others, here and there."""

import json
import random

import pytest
import torch
from random_models import FAMILIES, byte_tokenizer, random_model
from toy_artifacts import small_model

from pipeline import model as models
from pipeline.preferences.reward_model import (
    RewardModel,
    load_reward_model,
    padded,
    save_reward_model,
)
from storage.errors import UserError


def some_conversations(count: int, most: int = 60) -> list[list[int]]:
    rng = random.Random(3)
    return [[rng.randrange(250) for _ in range(rng.randint(2, most))] for _ in range(count)]


@pytest.fixture
def model() -> RewardModel:
    return RewardModel.of_chat_model(small_model(258), head_std=0.5, seed=0)


def test_the_score_is_the_head_times_the_last_hidden_state_after_the_last_norm(model):
    with torch.no_grad():
        model.norm.weight.uniform_(0.5, 2.0)
    ids = some_conversations(1)[0]
    hidden = model.hidden(torch.tensor([ids]))[0, -1]  # [width]
    expected = float(((hidden * model.norm.weight) @ model.reward_head).detach())
    assert float(model.score([ids])[0]) == pytest.approx(expected, rel=1e-5)


def test_each_conversation_is_read_to_its_own_end_whatever_stands_beside_it(model, monkeypatch):
    monkeypatch.setattr("pipeline.preferences.reward_model.TOKENS_AT_ONCE", 256)
    talks = some_conversations(40)
    together = model.score(talks)
    alone = torch.cat([model.score([talk]) for talk in talks])
    assert together.std() > 0.1
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert torch.equal(together, model.score(talks))


def test_training_reads_the_same_score_and_its_gradient_reaches_head_and_trunk(model):
    talks = some_conversations(6)
    found = model.rewards(*padded(talks, model.device))
    torch.testing.assert_close(found.detach(), model.score(talks), rtol=0, atol=1e-5)
    found.sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_a_chat_model_s_own_weights_stay_as_they_are():
    chat = small_model(258)
    before = {name: w.clone() for name, w in chat.state_dict().items()}
    made = RewardModel.of_chat_model(chat, head_std=0.1, seed=1)
    with torch.no_grad():
        for weight in made.parameters():
            weight.zero_()
    assert all(torch.equal(w, before[name]) for name, w in chat.state_dict().items())


def test_the_head_is_drawn_by_its_seed_and_may_be_zero():
    heads = [
        RewardModel.of_chat_model(small_model(258), std, seed).reward_head
        for std, seed in ((0.1, 0), (0.1, 0), (0.1, 1), (0.0, 1))
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert not heads[3].any()


@pytest.mark.parametrize("family", ["qwen3", "llama llama3", "gpt2"])
def test_a_folder_gives_the_same_scores_back(family, tmp_path):
    model = RewardModel.of_chat_model(random_model(family), head_std=0.5, seed=0)
    save_reward_model(model, byte_tokenizer(), tmp_path)
    again, tokenizer = load_reward_model(tmp_path)
    assert tokenizer.token_bytes == byte_tokenizer().token_bytes
    talks = some_conversations(10)
    assert torch.equal(again.score(talks), model.score(talks))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_transformers_gives_the_same_scores(family, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    model = RewardModel.of_chat_model(random_model(family), head_std=0.2, seed=0)
    tokenizer = byte_tokenizer()
    save_reward_model(model, tokenizer, tmp_path)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path, dtype=torch.float32
    ).eval()
    text = "The harbour keeper found a small lamp of the old village, and hid it. "
    talks = [tokenizer.encode(text[: 20 + 3 * n] * (1 + n % 2)) for n in range(12)]
    longest = max(map(len, talks))
    pad = tokenizer.document_token
    rows = torch.tensor([[*talk, *[pad] * (longest - len(talk))] for talk in talks])
    with torch.no_grad():
        found = theirs(rows, attention_mask=(rows != pad).long()).logits
    assert found.shape == (12, 1)
    ours = model.score(talks)
    assert ours.std() > 0.05
    torch.testing.assert_close(found[:, 0], ours, rtol=0, atol=1e-4)


def test_a_chat_model_is_no_reward_model_and_a_reward_model_does_not_chat(tmp_path):
    chat, reward = tmp_path / "chat", tmp_path / "reward"
    models.save(small_model(258), byte_tokenizer(), chat)
    with pytest.raises(UserError, match="is no reward model"):
        load_reward_model(chat)
    with pytest.raises(UserError, match="no reward model at"):
        load_reward_model(tmp_path)
    save_reward_model(RewardModel.of_chat_model(small_model(258), 0.1, 0), byte_tokenizer(), reward)
    with pytest.raises(UserError, match=r"score\.weight"):
        models.load(reward)


def test_a_head_of_several_scores_and_a_missing_head_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    model = RewardModel.of_chat_model(small_model(258), 0.1, 0)
    save_reward_model(model, byte_tokenizer(), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    head = tensors.pop("score.weight")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"tensor score\.weight is missing"):
        load_reward_model(tmp_path)
    tensors["score.weight"] = head.expand(2, -1).contiguous()
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="a reward model has one score"):
        load_reward_model(tmp_path)


def test_config_says_how_it_was_made(tmp_path):
    save_reward_model(
        RewardModel.of_chat_model(small_model(258), 0.1, 0), byte_tokenizer(), tmp_path
    )
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["Qwen3ForSequenceClassification"]
    assert (config["num_labels"], config["pad_token_id"]) == (1, 0)


def test_what_it_cannot_read_is_refused_in_one_line(model):
    with pytest.raises(UserError, match="exceeds the reward model's context of 192"):
        model.score([[1] * 193])
    with pytest.raises(UserError, match="use its own tokenizer"):
        model.score([[1, 258]])
    with pytest.raises(ValueError, match="without a token"):
        model.score([[]])
    assert model.score([]).shape == (0,)
