"""N-gram embeddings: what a token's row depends on, with documents, a cache and a folder."""

import json

import pytest
import torch

from pipeline.model import ModelConfig, Transformer
from pipeline.model.hf_config import from_hf, to_hf
from pipeline.model.kv_cache import KVCache
from pipeline.model.speedrun import ngram_ids
from storage.errors import UserError

SHAPE = ModelConfig(
    *(50, 2, 32, 4, 2, 8, 64, 32), family="speedrun", ngram_rows=(97, 101, 64), ngram_width=8
)


@pytest.fixture
def model() -> Transformer:
    """With tables, output projections and head that are not zero."""
    model = Transformer(SHAPE).init_weights(0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(0, 50, (3, 12), generator=torch.Generator().manual_seed(2))


def test_a_row_is_named_by_the_last_tokens_and_nothing_else(tokens: torch.Tensor) -> None:
    rows = (97, 101, 64)
    ids = ngram_ids(tokens, rows)
    assert ids.shape == (3, 12, 3)
    tables = [(0, 97), (97, 198), (198, 262)]
    for table, (start, stop) in enumerate(tables):
        part = ids[..., table]
        assert start <= int(part.min())
        assert int(part.max()) < stop
        changed = tokens.clone()
        changed[:, 4] = (changed[:, 4] + 1) % 50
        differs = (ngram_ids(changed, rows)[..., table] != part).any(0)
        assert not differs[:4].any()
        assert not differs[4 + table + 2 :].any()
        assert differs[4]
    same = torch.tensor([[7, 8, 9, 7, 8, 9]])
    assert torch.equal(ngram_ids(same, rows)[0, 2, :2], ngram_ids(same, rows)[0, 5, :2])


def test_a_cache_gives_the_logits_of_the_whole(model: Transformer, tokens: torch.Tensor) -> None:
    cache = KVCache.empty(SHAPE, 3, 16, torch.float32)
    parts = []
    with torch.no_grad():
        for start, stop in ((0, 5), (5, 6), (6, 12)):
            parts.append(model(tokens[:, start:stop], cache=cache))
            cache.advance(stop - start)
        torch.testing.assert_close(torch.cat(parts, dim=1), model(tokens))


def test_padding_and_selection_keep_each_rows_last_tokens(
    model: Transformer, tokens: torch.Tensor
) -> None:
    cache = KVCache.empty(SHAPE, 3, 16, torch.float32)
    lengths = torch.tensor([5, 2, 4])
    with torch.no_grad():
        model(tokens[:, :5], cache=cache)
        cache.advance(lengths)
        order = torch.tensor([1, 0, 2, 1])
        cache = cache.select(order)
        after = model(tokens[order, :1], cache=cache)[:, 0]
        for place, row in enumerate(order.tolist()):
            line = torch.cat([tokens[row, : lengths[row]], tokens[row, :1]])
            torch.testing.assert_close(after[place], model(line[None])[0, -1])


def test_documents_in_a_row_do_not_see_each_other(model: Transformer, tokens: torch.Tensor) -> None:
    ids = torch.tensor([[0] * 4 + [1] * 8] * 3)
    with torch.no_grad():
        packed = model(tokens, document_ids=ids)
        torch.testing.assert_close(packed[:, :4], model(tokens[:, :4]))
        torch.testing.assert_close(packed[:, 4:], model(tokens[:, 4:]))
        assert model(tokens[:, :1], document_ids=ids[:, :1]).shape == (3, 1, 50)


def test_growing_the_vocabulary_keeps_the_old_tokens_rows(
    model: Transformer, tokens: torch.Tensor
) -> None:
    with torch.no_grad():
        before = model(tokens)
        model.grow_vocabulary(60)
        torch.testing.assert_close(model(tokens)[..., :50], before)


def test_the_shape_survives_config_json() -> None:
    assert from_hf(json.loads(json.dumps(to_hf(SHAPE)))) == SHAPE


def test_only_the_speedrun_family_has_tables() -> None:
    with pytest.raises(UserError, match="no n-gram tables"):
        ModelConfig(50, 2, 32, 4, 2, 8, 64, 32, ngram_rows=(97,))
    with pytest.raises(UserError, match="must be above 0"):
        ModelConfig(50, 2, 32, 4, 2, 8, 64, 32, family="speedrun", ngram_rows=(0,))
