"""Every family against transformers' own class: logits, gradients, caches, folders both ways.

Largest difference of a logit seen at these sizes in float32: 8e-6 up to 128 positions, 2.9e-5 at
512 with YaRN (logits of standard deviation ~1).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.model import ModelConfig, Transformer, hf_config, hf_tensors, load, save
from pipeline.model.engine import Engine
from pipeline.model.kv_cache import KVCache
from pipeline.training.data_loader import Batch
from pipeline.training.loss import token_loss
from storage.errors import UserError
from tests.helpers.hf_models import VARIANTS, random_model, write_tokenizer

TOLERANCE = 5e-5  # float32, absolute


def ours_from(theirs: Any) -> Transformer:
    config = hf_config.from_hf(theirs.config.to_dict())
    tensors = dict(theirs.state_dict())
    if config.tie_embeddings:
        tensors.pop("lm_head.weight")
    model = Transformer(config)
    model.load_state_dict(hf_tensors.from_hf(config, tensors))
    return model


def tokens_of(rows: int, count: int, vocab: int = 300) -> torch.Tensor:
    return torch.randint(0, vocab, (rows, count), generator=torch.Generator().manual_seed(3))


def family_name(variant: str) -> str:
    return variant.split()[0]


@pytest.fixture(params=["qwen3", "llama llama3 rope", "gpt2", "speedrun"])
def model(request: pytest.FixtureRequest, make_model: Callable[..., Transformer]) -> Transformer:
    """One of each family, the rotary ones grouped, the GPT-2 with biases."""
    if request.param == "speedrun":
        return make_model(vocab_size=300, family="speedrun")
    return ours_from(random_model(*VARIANTS[request.param]))


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_equal_transformers(variant):
    theirs = random_model(*VARIANTS[variant])
    model = ours_from(theirs)
    tokens = tokens_of(2, model.config.max_context)  # to the end: far beyond the original context
    with torch.no_grad():
        mine, expected = model(tokens), theirs(tokens).logits
    error = (mine - expected).abs().max().item()
    assert expected.std() > 0.5  # the comparison is of something
    assert error <= TOLERANCE, error


@pytest.mark.parametrize("variant", ["qwen3", "llama llama3 rope", "gpt2", "gpt2 untied, own ffn"])
def test_gradients_equal_transformers(variant):
    theirs = random_model(*VARIANTS[variant])
    model = ours_from(theirs)
    tokens, targets = tokens_of(2, 41)[:, :-1], tokens_of(2, 41)[:, 1:]
    batch = Batch(tokens, targets, torch.ones_like(tokens, dtype=torch.bool), None)
    total, nats = token_loss(model, batch, chunk_tokens=16)
    (total / targets.numel()).backward()
    logits = theirs(tokens).logits.flatten(0, 1)
    expected = torch.nn.functional.cross_entropy(logits, targets.flatten())
    expected.backward()
    torch.testing.assert_close(total / targets.numel(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(nats.mean(), expected, atol=1e-5, rtol=1e-5)
    gradients = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    found = hf_tensors.from_hf(model.config, gradients)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, found[name], atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_folders_round_trip_to_the_bit(variant, tmp_path):
    theirs = random_model(*VARIANTS[variant])
    source, copy = tmp_path / "theirs", tmp_path / "ours"
    theirs.save_pretrained(source)
    write_tokenizer(family_name(variant), source)
    model, tokenizer = load(source)
    save(model, tokenizer, copy)
    before, after = load_file(source / "model.safetensors"), load_file(copy / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert load(copy)[0].config == model.config
    again = type(theirs).from_pretrained(copy)
    tokens = tokens_of(1, 30)
    with torch.no_grad():
        assert torch.equal(again(tokens).logits, theirs(tokens).logits)


def test_original_gpt2_folders_are_read(tmp_path):
    """The hub's GPT-2: no `transformer.` prefix, mask buffers, half precision."""
    theirs = random_model(*VARIANTS["gpt2"]).half()
    theirs.config.save_pretrained(tmp_path)
    write_tokenizer("gpt2", tmp_path)
    tensors = {
        name.removeprefix("transformer."): tensor.contiguous()
        for name, tensor in theirs.state_dict().items()
        if name != "lm_head.weight"
    }
    tensors |= {f"h.{i}.attn.bias": torch.ones(1, 1, 128, 128).tril() for i in range(3)}
    tensors |= {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(3)}
    save_file(tensors, tmp_path / "model.safetensors")
    model, _ = load(tmp_path)
    tokens = tokens_of(2, 20)
    with torch.no_grad():
        difference = (model(tokens) - theirs.float()(tokens).logits).abs().max().item()
    assert difference <= TOLERANCE
    assert model.embed_positions is not None
    assert model.embed_positions.weight.dtype == torch.float32


def test_cache_in_pieces_equals_one_forward(model):
    tokens = tokens_of(3, 18)
    with torch.no_grad():
        expected = model(tokens)
        cache = KVCache.empty(model.config, 3, 18, torch.float32)
        parts = []
        for start, end in ((0, 7), (7, 8), (8, 15), (15, 16), (16, 18)):
            parts.append(model(tokens[:, start:end], cache=cache))
            cache.advance(end - start)
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-5, rtol=1e-4)


def test_packed_documents_see_only_their_own(model):
    tokens = tokens_of(1, 30)
    ids = torch.tensor([[0] * 12 + [1] * 18])
    with torch.no_grad():
        packed = model(tokens, document_ids=ids)
        first = model(tokens[:, :12])
        changed = tokens.clone()
        changed[:, :12] = 5
        other = model(changed, document_ids=ids)
    torch.testing.assert_close(packed[:, :12], first, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(packed[:, 12:], other[:, 12:], atol=1e-5, rtol=1e-4)
    if model.config.parts.positions == "rope":  # a learned position is the row's, not the text's
        alone = model(tokens[:, 12:])
        torch.testing.assert_close(packed[:, 12:], alone, atol=1e-4, rtol=1e-3)


def test_engine_is_greedy_like_the_full_forward(model):
    prompts = [tokens_of(1, 9)[0].tolist(), tokens_of(1, 4)[0].tolist()]
    found = Engine(model).generate(prompts, max_new_tokens=6, temperature=0.0)
    for prompt, (completion,) in zip(prompts, found):
        ids = list(prompt)
        with torch.no_grad():
            for token, logprob in zip(completion.tokens, completion.logprobs):
                table = model(torch.tensor([ids]))[0, -1].log_softmax(-1)
                assert int(table.argmax()) == token
                assert logprob == pytest.approx(float(table[token]), abs=1e-4)
                ids.append(token)
        assert len(completion.tokens) == 6


def test_grown_vocabulary_keeps_old_logits(model):
    tokens = tokens_of(2, 10)
    with torch.no_grad():
        before = model(tokens)
        model.grow_vocabulary(306)
        after = model(tokens)
    torch.testing.assert_close(after[..., :300], before, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(after[..., 300], before.mean(-1), atol=1e-4, rtol=1e-4)


def test_bfloat16_stays_near_float32(model):
    tokens = tokens_of(2, 32)
    with torch.no_grad():
        exact = model(tokens).log_softmax(-1)
        model.compute_dtype = torch.bfloat16
        rough = model(tokens).log_softmax(-1)
    assert 0 < (exact - rough).abs().mean() < 0.03


@pytest.mark.parametrize("family", ["llama", "gpt2", "speedrun"])
def test_fresh_models_add_nothing_and_learn(family):
    from pipeline.training.config import OptimizerConfig
    from pipeline.training.optimizers import build_optimizer

    config = ModelConfig(50, 2, 32, 4, 4, 8, 64, 32, family=family)
    model = Transformer(config).init_weights(1)
    tokens, targets = tokens_of(4, 17, vocab=50)[:, :-1], tokens_of(4, 17, vocab=50)[:, 1:]
    batch = Batch(tokens, targets, torch.ones_like(tokens, dtype=torch.bool), None)
    optimizer = build_optimizer(model, OptimizerConfig())
    losses = []
    for _ in range(12):
        total, _ = token_loss(model, batch)
        losses.append(total.item() / targets.numel())
        (total / targets.numel()).backward()
        optimizer.step()
        optimizer.clear_gradients()
    assert losses[0] == pytest.approx(torch.tensor(50.0).log().item(), abs=0.1)
    assert losses[-1] < losses[0] - 1.0
    state = optimizer.state_tensors()
    if family == "gpt2":  # positions and biases are AdamW's, the layers' matrices Muon's
        assert "exp_avg.embed_positions.weight" in state
        assert "exp_avg.layers.0.mlp.up_proj.bias" in state
    assert "momentum.layers.1.mlp.down_proj.weight" in state


def test_speedrun_folders_round_trip(make_model, tokenizer, tmp_path):
    model = make_model(vocab_size=270, family="speedrun")
    save(model, tokenizer, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "speedrun"
    again, _ = load(tmp_path)
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)


@pytest.mark.parametrize(
    ("variant", "change", "said"),
    [
        ("llama", {"attention_bias": True}, "attention_bias True: only False"),
        ("llama", {"mlp_bias": True}, "mlp_bias"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ("qwen3", {"use_sliding_window": True}, "use_sliding_window"),
        ("llama", {"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}, "'longrope'"),
        ("gpt2", {"activation_function": "gelu"}, "activation_function 'gelu'"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse"),
        ("gpt2", {"n_head": 6}, "heads \\* head_dim = width"),
        ("llama", {"model_type": "mistral"}, "'mistral'"),
    ],
)
def test_what_would_be_computed_differently_is_refused(variant, change, said):
    data = json.loads(json.dumps(random_model(*VARIANTS[variant]).config.to_dict()))
    with pytest.raises(UserError, match=said):
        hf_config.from_hf(data | change)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"family": "bert"}, "family 'bert' is unknown"),
        ({"family": "gpt2", "kv_heads": 2}, "gpt2 needs"),
    ],
)
def test_impossible_families_are_refused(make_model, changes, said):
    with pytest.raises(UserError, match=said):
        make_model(**changes)
