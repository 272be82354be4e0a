"""The transformer against Hugging Face's Qwen3, and the properties packing relies on."""

import pytest
import torch

from pipeline.model import ModelConfig, Transformer
from pipeline.model import attention as attention_module
from pipeline.model.kv_cache import KVCache
from storage.errors import UserError


def tokens_of(rows: int, count: int, vocab: int = 64, seed: int = 3) -> torch.Tensor:
    return torch.randint(0, vocab, (rows, count), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("theta", [10_000.0, 1_000_000.0])
def test_logits_equal_hugging_face(make_model, tmp_path, tokenizer, tied, kv_heads, theta):
    from transformers import Qwen3ForCausalLM

    from pipeline.model import load, save

    model = make_model(
        tie_embeddings=tied, kv_heads=kv_heads, vocab_size=270, layers=3, rope_theta=theta
    )
    save(model, tokenizer, tmp_path)
    other = Qwen3ForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokens = tokens_of(3, 40, vocab=270)
    with torch.no_grad():
        ours, theirs = model(tokens), other(tokens).logits
        again = load(tmp_path)[0](tokens)
    error = (ours - theirs).abs().max().item()
    assert theirs.std() > 0.5  # the comparison is of something
    assert error <= 1e-4, error
    assert torch.equal(ours, again)
    assert model.parameter_count == other.num_parameters()


def test_grouped_queries_differ_from_full_heads(make_model):
    assert make_model(kv_heads=1).layers[0].self_attn.k_proj.weight.shape == (8, 32)


def test_later_tokens_do_not_reach_earlier_logits(make_model):
    model = make_model()
    tokens = tokens_of(2, 20)
    changed = tokens.clone()
    changed[:, 11:] = (changed[:, 11:] + 1) % 64
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :11], after[:, :11])
    assert not torch.allclose(before[:, 11:], after[:, 11:])


@pytest.mark.parametrize("whole", [True, False])
def test_packed_documents_equal_separate_ones(make_model, monkeypatch, whole):
    if not whole:
        monkeypatch.setattr("pipeline.model.transformer.MAX_SCORES", 0)
    model = make_model()
    a, b, c = tokens_of(1, 9), tokens_of(1, 14, seed=4), tokens_of(1, 5, seed=5)
    row = torch.cat([a, b, c], dim=1)
    ids = torch.tensor([[0] * 9 + [1] * 14 + [7] * 5])
    packed = model(row, document_ids=ids)
    torch.testing.assert_close(packed[:, :9], model(a), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(packed[:, 9:23], model(b), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(packed[:, 23:], model(c), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(packed[:, 9:], model(row)[:, 9:])


def test_whole_and_fused_attention_agree_with_gradients(make_model, monkeypatch):
    ids = torch.tensor([[0] * 10 + [1] * 20, [0] * 30])
    results = []
    for limit in (attention_module.MAX_SCORES, 0):
        monkeypatch.setattr("pipeline.model.transformer.MAX_SCORES", limit)
        model = make_model()
        model(tokens_of(2, 30), document_ids=ids).square().mean().backward()
        results.append({n: p.grad for n, p in model.named_parameters()})
    for name in results[0]:
        torch.testing.assert_close(results[0][name], results[1][name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("most", [2 * 4 * 30**2, 2 * 4 * 30**2 - 1])
def test_scores_that_fit_are_held_whole_and_more_are_not(make_model, monkeypatch, most, apart):
    """2 rows of 4 heads and 30 x 30 scores; without the C kernels, which hold none."""
    ways: list[str] = []
    module = "pipeline.model.transformer"
    for name in ("attend_whole", "attend_spans", "attend_fused"):
        attend = getattr(attention_module, name)

        def spied(*given, name=name, attend=attend):
            ways.append(name)
            return attend(*given)

        monkeypatch.setattr(f"{module}.{name}", spied)
    monkeypatch.setattr(f"{module}.fused.is_attention_supported", lambda *_: False)
    monkeypatch.setattr(f"{module}.MAX_SCORES", most)
    ids = torch.tensor([[0] * 10 + [1] * 20, [0] * 30]) if apart else None
    model = make_model(heads=4, layers=2)
    model(tokens_of(2, 30), document_ids=ids)
    way = "attend_spans" if apart else "attend_fused"
    assert ways == [way if most < 2 * 4 * 30**2 else "attend_whole"] * 2


def test_every_parameter_gets_a_gradient(make_model):
    model = make_model()
    model(tokens_of(2, 12)).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.abs().sum() > 0, name


def test_gradients_equal_hugging_face(make_model, tmp_path, tokenizer):
    from transformers import Qwen3ForCausalLM

    from pipeline.model import save

    model = make_model(vocab_size=270)
    save(model, tokenizer, tmp_path)
    other = Qwen3ForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokens = tokens_of(2, 16, vocab=270)
    torch.nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
    torch.nn.functional.cross_entropy(
        other(tokens).logits.flatten(0, 1), tokens.flatten()
    ).backward()
    theirs = dict(other.named_parameters())
    for name, parameter in model.named_parameters():
        key = name if name.startswith("lm_head") else f"model.{name}"
        torch.testing.assert_close(parameter.grad, theirs[key].grad, atol=1e-5, rtol=1e-3)


def test_bfloat16_stays_near_float32(make_model):
    model = make_model()
    tokens = tokens_of(4, 32)
    with torch.no_grad():
        exact = model(tokens).log_softmax(-1)
        model.compute_dtype = torch.bfloat16
        rough = model(tokens).log_softmax(-1)
    assert model.embed_tokens.weight.dtype == torch.float32
    assert rough.dtype == torch.float32
    assert (exact - rough).abs().mean() < 0.02
    assert 0 < (exact - rough).abs().max() < 0.25


def test_cache_in_pieces_equals_one_forward(make_model):
    model = make_model()
    tokens = tokens_of(3, 18)
    with torch.no_grad():
        expected = model(tokens)
        cache = KVCache.empty(model.config, 3, 18, torch.float32)
        parts = []
        for start, end in ((0, 7), (7, 8), (8, 15), (15, 16), (16, 18)):
            parts.append(model(tokens[:, start:end], cache=cache))
            cache.advance(end - start)
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-5, rtol=1e-5)


def test_fresh_model_predicts_uniformly_and_by_seed():
    config = ModelConfig(50, 2, 32, 4, 4, 8, 64, 32)
    model = Transformer(config).init_weights(1)
    logits = model(tokens_of(2, 8, vocab=50))
    assert logits.abs().max() < 0.05  # zero output projections, tiny head
    same, other = Transformer(config).init_weights(1), Transformer(config).init_weights(2)
    assert torch.equal(model.embed_tokens.weight, same.embed_tokens.weight)
    assert not torch.equal(model.embed_tokens.weight, other.embed_tokens.weight)
    assert model.blocks[0].mlp.down_proj.weight.abs().max() == 0
    assert model.blocks[1].self_attn.o_proj.weight.abs().max() == 0


@pytest.mark.parametrize("tied", [False, True])
def test_grown_vocabulary_keeps_old_logits(make_model, tied):
    model = make_model(tie_embeddings=tied)
    tokens = tokens_of(2, 10)
    before = model(tokens)
    old = model.embed_tokens.weight.detach().clone()
    model.grow_vocabulary(70)
    after = model(tokens)
    assert model.config.vocab_size == 70
    assert after.shape[-1] == 70
    torch.testing.assert_close(after[..., :64], before, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(
        model.embed_tokens.weight[64:].detach(), old.mean(0, keepdim=True).expand(6, -1)
    )
    # The mean row's logit is the mean logit.
    torch.testing.assert_close(after[..., 64], before.mean(-1), atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="shrink"):
        model.grow_vocabulary(10)


@pytest.mark.parametrize(
    "change", [{"kv_heads": 3}, {"head_dim": 7}, {"layers": 0}, {"vocab_size": -1}]
)
def test_impossible_shapes_are_refused(make_model, change):
    with pytest.raises(UserError):
        make_model(**change)


def test_a_step_repeats_to_the_bit(make_model):
    grads = []
    for _ in range(2):
        model = make_model()
        model.compute_dtype = torch.bfloat16
        model(tokens_of(4, 30)).square().mean().backward()
        grads.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads))


@pytest.mark.parametrize("packed", [False, True])
def test_long_rows_need_no_mask(make_model, monkeypatch, packed):
    """A mask of 8,192 x 8,192 would be 128 MB a row in bf16."""

    def refuse(*_):
        raise AssertionError("a mask was made")

    model = make_model(max_context=8192)
    ids = torch.arange(8192)[None] // 1000 if packed else None
    with torch.no_grad():
        last = model(tokens_of(1, 8192)[:, 8000:])
        monkeypatch.setattr("pipeline.model.transformer.packed_mask", refuse)
        logits = model(tokens_of(1, 8192), document_ids=ids)
    assert logits.isfinite().all()
    if packed:
        torch.testing.assert_close(logits[:, 8000:], last, atol=1e-4, rtol=1e-3)
