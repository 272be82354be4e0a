"""Embeddings: through the head they give the mean of the logits, which a forward pass gives too."""

import numpy as np
import pytest
import torch

from pipeline.model import native, text_states
from pipeline.model.engine import Engine
from storage.errors import UserError

TEXTS = [[1, 2, 3], [5], [1, 2, 3] * 9, list(range(64)), [1, 2, 3] * 9]


@pytest.mark.parametrize("head_dim", [8, 32])  # 32: by the kernels, where they are built
@pytest.mark.parametrize("family", ["qwen3", "gpt2"])
def test_the_head_makes_mean_logits_of_them(make_model, family, head_dim, monkeypatch):
    monkeypatch.setattr(text_states, "TOKENS_AT_ONCE", 40)
    heads = 32 // head_dim
    more = {"heads": heads, "kv_heads": heads, "tie_embeddings": True} if family == "gpt2" else {}
    model = make_model(family=family, head_dim=head_dim, **more)
    found = Engine(model).embed(TEXTS)
    assert (found.shape, found.dtype) == ((len(TEXTS), 32), np.float32)
    head = (model.lm_head or model.embed_tokens).weight
    with torch.no_grad():
        for text, vector in zip(TEXTS, found):
            expected = model(torch.tensor([text]))[0].mean(0)
            torch.testing.assert_close(head @ torch.from_numpy(vector), expected, atol=1e-4, rtol=0)


def test_other_texts_change_no_bit(make_model):
    model = make_model(head_dim=32)
    if native.kernels(model) is None:
        pytest.skip("the C kernels are not built")
    engine = Engine(model)
    together = engine.embed(TEXTS)
    for text, vector in zip(TEXTS, together):
        assert np.array_equal(engine.embed([text])[0], vector)


def test_nothing_and_bad_texts(make_model):
    engine = Engine(make_model())
    assert engine.embed([]).shape == (0, 32)
    for bad, said in (([], "empty"), ([1] * 65, "shorten"), ([64], "token ids")):
        with pytest.raises(UserError, match=said):
            engine.embed([[1, 2], bad])
