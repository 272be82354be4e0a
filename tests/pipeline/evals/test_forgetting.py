"""KL(base || tuned) as its definition gives it, and what a model that forgot nothing scores."""

import dataclasses

import numpy as np
import pytest
import torch

from pipeline.evals import forgetting
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.forgetting import divergence
from pipeline.training.data_loader import RowPart

CONFIG = EvalsConfig(bootstrap_samples=100)


def documents(seed: int = 0) -> list[RowPart]:
    generator = np.random.default_rng(seed)
    lengths = (12, 40, 3, 25)
    return [RowPart(generator.integers(1, 300, n), generator.integers(0, 2, n)) for n in lengths]


@pytest.fixture
def pair(chat_model):
    """A base and a model a little away from it."""
    model, tokenizer = chat_model
    tuned = type(model)(model.config)
    tuned.load_state_dict(model.state_dict())
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.02)
    return model.eval(), tuned.eval(), tokenizer


def test_each_documents_sums_are_those_of_plain_softmaxes(pair, monkeypatch):
    monkeypatch.setattr(forgetting, "CHUNK_TOKENS", 7)  # several chunks, and batches of two
    monkeypatch.setattr(forgetting, "ROWS_AT_ONCE", 2)
    base, tuned, tokenizer = pair
    found = divergence(base, tuned, documents(), tokenizer.document_token)
    for number, part in enumerate(documents()):
        tokens = torch.from_numpy(part.tokens)[None]
        with torch.no_grad():
            p, q = (model(tokens[:, :-1])[0].log_softmax(-1) for model in (base, tuned))
        used = torch.from_numpy(part.learned[1:]).bool()
        kl = torch.nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1)
        targets = tokens[0, 1:, None]
        assert found.kl[number] == pytest.approx(float(kl[used].sum()), rel=1e-4)
        assert found.base[number] == pytest.approx(float(-p.gather(1, targets)[used].sum()), 1e-5)
        assert found.tuned[number] == pytest.approx(float(-q.gather(1, targets)[used].sum()), 1e-5)
        assert found.tokens[number] == int(used.sum())
    assert found.kl.sum() > 0.01


def test_a_document_longer_than_a_context_is_read_as_far_as_both_can(pair):
    base, tuned, tokenizer = pair
    part = RowPart(np.arange(1, 60), np.ones(59, dtype=np.int64))
    for short in (base, tuned):
        whole = short.config
        short.config = dataclasses.replace(whole, max_context=20)
        assert divergence(base, tuned, [part], tokenizer.document_token).tokens.tolist() == [20]
        short.config = whole


@pytest.mark.parametrize("larger", [0, 1])
def test_rows_that_only_one_of_both_has_do_not_count(pair, larger):
    """Of base and tuned, one with rows to spare: the softmaxes are over what both have."""
    *models, tokenizer = pair
    expected = divergence(models[0], models[1], documents(), tokenizer.document_token)
    whole = models[larger]
    models[larger] = type(whole)(whole.config)
    models[larger].load_state_dict(whole.state_dict())
    models[larger].eval().grow_vocabulary(whole.config.vocab_size + 8)
    found = divergence(models[0], models[1], documents(), tokenizer.document_token)
    for name in ("kl", "base", "tuned"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-4)


def test_rows_of_a_model_that_forgot_nothing_and_of_one_that_did(pair, post_training):
    base, tuned, tokenizer = pair
    pages = ["Ada Abel was born in Hale.", "Many people like numbers and tea.", "What is 3 + 4?"]
    silent = RowPart(np.arange(1, 9), np.zeros(8, dtype=np.int64))  # is none of n
    values = {}
    for name, model in (("same", base), ("moved", tuned)):
        scores = Scores()
        talks = [*documents(), silent]
        forgetting.measure(Subject(model, tokenizer, CONFIG), base, pages, talks, scores)
        values[name] = {(row["task"], row["metric"]): row for row in scores.rows}
    assert set(values["same"]) == {
        ("pages", "kl_nats"),
        ("pages", "bits_per_byte_change"),
        ("conversations", "kl_nats"),
    }
    assert all(row["value"] == pytest.approx(0.0, abs=1e-6) for row in values["same"].values())
    for key, row in values["moved"].items():
        assert row["n"] == (3 if key[0] == "pages" else 4)
        assert row["low"] is not None
        assert row["value"] is not None
        assert row["high"] is not None
        assert row["low"] <= row["value"] <= row["high"]
    kl = values["moved"]["pages", "kl_nats"]["value"]
    assert kl is not None
    assert kl > 0.005
    texts = [[tokenizer.document_token, *tokenizer.encode(page)] for page in pages]
    parts = [RowPart(np.array(t), np.ones(len(t), dtype=np.int64)) for t in texts]
    plain = divergence(base, tuned, parts, 0)
    change = plain.tuned.sum() / plain.base.sum() - 1
    assert values["moved"]["pages", "bits_per_byte_change"]["value"] == pytest.approx(change)


def test_a_base_without_conversation_tokens_reads_them_as_fine_tuning_begins(post_training):
    from pipeline import model as models

    base, _ = models.load(post_training.base)
    tuned, tokenizer = models.load(post_training.chat)  # the base with mean rows, not yet tuned
    start = tokenizer.special("<|im_start|>")
    part = RowPart(np.array([start, 5, 6, start, 7]), np.ones(5, dtype=np.int64))
    scores = Scores()
    subject = Subject(tuned, tokenizer, CONFIG)
    forgetting.measure(subject, base, [], [part], scores)
    (row,) = scores.rows
    assert (row["task"], row["n"]) == ("conversations", 1)
    assert row["value"] == pytest.approx(0.0, abs=1e-6)
