import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pipeline.training import bits_per_byte
from pipeline.training.data_loader import TokenShards


@pytest.fixture
def documents(artifacts):
    shards = TokenShards(artifacts["tokens"], "validation")
    return [shards.document(index) for index in range(len(shards))]


def test_uniform_model_costs_log2_of_the_vocabulary(documents, tokenizer, make_model):
    model = make_model()
    with torch.no_grad():
        model.lm_head.weight.zero_()
    result = bits_per_byte.measure(model, documents, tokenizer.token_bytes, 32)
    tokens = sum(len(document) - 1 for document in documents)
    text_bytes = sum(len(tokenizer.decode_bytes(d[1:].tolist())) for d in documents)
    assert int(result.bytes.sum()) == text_bytes
    assert int(result.tokens.sum()) == tokens
    assert result.bits_per_byte == pytest.approx(
        math.log2(tokenizer.vocab_size) * tokens / text_bytes
    )


def test_per_document_nats_equal_windows_by_hand(documents, tokenizer, make_model):
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    context = 10
    result = bits_per_byte.measure(
        model, documents, tokenizer.token_bytes, context, tokens_per_batch=64
    )
    assert any(len(document) > 3 * context for document in documents)
    for document, nats in zip(documents, result.nats):
        ids = torch.from_numpy(document.astype(np.int64))
        expected = 0.0
        for start in range(0, len(ids) - 1, context):
            window = ids[start : start + context + 1]
            logits = model(window[None, :-1])[0]
            expected += F.cross_entropy(logits, window[1:], reduction="sum").item()
        assert nats == pytest.approx(expected, rel=1e-4)
    total = result.nats.sum() / (math.log(2) * result.bytes.sum())
    assert result.bits_per_byte == pytest.approx(total)


def test_sharing_documents_is_the_same_number(documents, tokenizer, tiny_model):
    whole = bits_per_byte.measure(tiny_model, documents, tokenizer.token_bytes, 32)
    shared = bits_per_byte.measure_shared(tiny_model, documents, tokenizer.token_bytes, 32)
    assert shared == pytest.approx(whole.bits_per_byte)


def test_documents_without_text(tokenizer, tiny_model):
    empty = [np.array([tokenizer.document_token])]
    result = bits_per_byte.measure(tiny_model, empty, tokenizer.token_bytes, 32)
    assert math.isnan(result.bits_per_byte)
    assert result.tokens.tolist() == [0]
