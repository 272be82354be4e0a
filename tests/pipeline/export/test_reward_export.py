"""A reward model's export as its users meet it: transformers gives the same scores on real text."""

import json

import pytest
import torch
from random_models import random_model

from pipeline import model as models
from pipeline.chat.conversation import STOP, prompt, user
from pipeline.export import export
from pipeline.export.reward_export import (
    TEXTS,
    RewardReport,
    score_agreement,
    transformers_scores,
)
from pipeline.preferences.reward_model import RewardModel, load_reward_model, save_reward_model
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

SENTENCES = (
    "The ferry to the island leaves at noon.",
    "Nobody in the village remembered who had built the bridge.",
    "Bees need about two million flowers for a pound of honey.",
)


@pytest.fixture
def source(post_training, tmp_path):
    """A reward model of the toy chat model with a head that is not small."""
    chat, tokenizer = models.load(post_training.chat)
    folder = tmp_path / "source"
    save_reward_model(RewardModel.of_chat_model(chat, 0.5, 0), tokenizer, folder)
    return folder


def test_transformers_scores_real_text_as_we_do(source, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    out = tmp_path / "out"
    report = export(source, out, "hf", None, "toy-reward")
    assert isinstance(report, RewardReport)
    assert report.transformers is not None
    assert report.transformers.max_error < 1e-4
    assert report.transformers.spread > 0.1
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(out)
    assert theirs.config.num_labels == 1
    assert theirs.config.id2label == {0: "reward"}
    # as the card says, through their tokenizer and its template
    tokens = transformers.AutoTokenizer.from_pretrained(out)
    ours, tokenizer = load_reward_model(source)
    for question in TEXTS:
        for answer in SENTENCES:
            turns = [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
            text = tokens.apply_chat_template(turns, tokenize=False).rstrip("\n")
            ids = tokens(text, return_tensors="pt", add_special_tokens=False)
            with torch.no_grad():
                found = float(theirs(**ids).logits)
            talk = [
                *prompt([user(question)], tokenizer),
                *tokenizer.encode(answer),
                tokenizer.special(STOP),
            ]
            assert found == pytest.approx(float(ours.score([talk])[0]), abs=1e-4)


def test_the_report_tells_what_a_coarser_type_costs(source, tmp_path):
    exact = export(source, tmp_path / "f32", "hf", "f32", "toy")
    coarse = export(source, tmp_path / "bf16", "hf", "bf16", "toy")
    assert isinstance(exact, RewardReport)
    assert isinstance(coarse, RewardReport)
    assert exact.stored is not None
    assert coarse.stored is not None
    assert exact.stored.max_error == 0.0
    assert 1e-5 < coarse.stored.max_error < 0.1
    assert coarse.bytes < 0.7 * exact.bytes
    config = json.loads((tmp_path / "bf16" / "config.json").read_text())
    assert config["torch_dtype"] == "bfloat16"
    card = (tmp_path / "bf16" / "README.md").read_text()
    assert "AutoModelForSequenceClassification" in card
    assert f"| {coarse.stored.max_error:.2g} |" in card


def test_agreement_is_of_the_scores_and_of_their_order(post_training):
    tokenizer = Tokenizer.load(post_training.chat)
    points = torch.arange(9.0)
    same = score_agreement(lambda talks: points[: len(talks)], lambda talks: points, tokenizer)
    assert (same.conversations, same.max_error, same.same_order) == (9, 0.0, 1.0)
    other = score_agreement(lambda talks: points, lambda talks: -points, tokenizer)
    assert other.max_error == 16.0
    assert other.same_order == pytest.approx(1 / 3)  # each answer beside itself


def test_what_cannot_be_written_is_refused(source, post_training, tmp_path):
    with pytest.raises(UserError, match="a reward model has no form in gguf"):
        export(source, tmp_path / "x.gguf", "gguf", None, "toy")
    with pytest.raises(UserError, match="or the model itself"):
        export(source, source, "hf", None, "toy")
    speedrun = RewardModel.of_chat_model(
        random_model("llama", family="speedrun", ngram_rows=(64,)), 0.1, 0
    )
    save_reward_model(speedrun, Tokenizer.load(post_training.chat), tmp_path / "speedrun")
    with pytest.raises(UserError, match="speedrun"):
        export(tmp_path / "speedrun", tmp_path / "out", "hf", None, "toy")


def test_without_transformers_nothing_is_measured_by_it(source, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    report = export(source, tmp_path / "out", "hf", None, "toy")
    assert isinstance(report, RewardReport)
    assert report.transformers is None
    assert report.stored is not None
    _, tokenizer = load_reward_model(source)
    assert transformers_scores(source, tokenizer) is None
    assert "not measured" in (tmp_path / "out" / "README.md").read_text()


def test_a_chat_model_is_exported_as_ever(post_training, tmp_path):
    assert not isinstance(
        export(post_training.chat, tmp_path / "out", "hf", None, "toy", measure=False),
        RewardReport,
    )
