"""The state is the model's own: its logits, its residuals, its attention, in every family."""

import pytest
import torch
import torch.nn.functional as F
from random_models import FAMILIES, SHAPE, random_model

from pipeline.model import ModelConfig, Transformer
from pipeline.model.forward_state import entropy_bits, forward_state
from pipeline.model.functions import activate, norm

TOLERANCE = 1e-5  # float32, absolute
LENGTH = 70  # beyond the context that the stretched rotations come from


def the_speedrun() -> Transformer:
    """With its tables of n-grams; no weight is zero, as `random_model` has them."""
    model = Transformer(ModelConfig(**SHAPE, family="speedrun", ngram_rows=(64, 64)))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else 0.15 * noise)
    return model


@pytest.fixture(params=[*FAMILIES, "speedrun"], scope="module")
def model(request: pytest.FixtureRequest) -> Transformer:
    return the_speedrun() if request.param == "speedrun" else random_model(request.param)


def tokens_of(count: int) -> list[int]:
    generator = torch.Generator().manual_seed(3)
    found: list[int] = torch.randint(0, SHAPE["vocab_size"], (count,), generator=generator).tolist()
    return found


def test_the_last_layer_says_what_the_model_says(model: Transformer) -> None:
    tokens = tokens_of(LENGTH)
    with torch.no_grad():
        expected = model(torch.tensor([tokens]))[0, -1]
    state = forward_state(model, tokens)
    assert expected.std() > 0.1
    torch.testing.assert_close(state.next_logits, expected, atol=TOLERANCE, rtol=1e-5)
    assert state.logits.shape == (model.config.layers + 1, model.config.vocab_size)


def test_attention_and_residuals_make_the_next_layer(model: Transformer) -> None:
    """Layer by layer: values weighed by the shares, projected, and the feed-forward network."""
    c, kind, tokens = model.config, model.config.parts, tokens_of(24)
    states = [forward_state(model, tokens[: n + 1]) for n in range(len(tokens))]
    shares = states[-1].attention
    assert shares.shape == (c.layers, c.heads, len(tokens))
    torch.testing.assert_close(shares.sum(-1), torch.ones(c.layers, c.heads), atol=1e-6, rtol=0)
    assert shares.std() > 0.001  # no head looks at all alike
    with torch.no_grad():
        weights = model.cast_weights()
        for index, w in enumerate(weights.layers):
            # What the residuals of all tokens are before this layer: no token sees a later one.
            x = torch.stack([state.hidden[index] for state in states])
            qkv = F.linear(norm(x, kind.norm, c.norm_eps), w.qkv, w.qkv_bias)
            values = qkv.unflatten(-1, (-1, c.head_dim))[:, -c.kv_heads :]
            values = values.repeat_interleave(c.heads // c.kv_heads, dim=1)
            taken = torch.einsum("hs,shd->hd", shares[index], values).flatten()
            after = x[-1] + F.linear(taken, w.output, w.output_bias)
            up = F.linear(norm(after, kind.norm, c.norm_eps), w.gate_up, w.gate_up_bias)
            after = after + F.linear(activate(up, kind.activation), w.down, w.down_bias)
            torch.testing.assert_close(
                after, states[-1].hidden[index + 1], atol=TOLERANCE, rtol=1e-5
            )


def test_it_begins_with_the_embedding() -> None:
    model, tokens = random_model("qwen3"), tokens_of(9)
    state = forward_state(model, tokens)
    torch.testing.assert_close(state.hidden[0], model.embed_tokens.weight[tokens[-1]].detach())


def test_bfloat16_gives_float32() -> None:
    model, tokens = random_model("qwen3"), tokens_of(9)
    exact = forward_state(model, tokens)
    model.compute_dtype = torch.bfloat16
    state = forward_state(model, tokens)
    assert {t.dtype for t in (state.hidden, state.logits, state.attention)} == {torch.float32}
    torch.testing.assert_close(state.attention, exact.attention, atol=0.02, rtol=0)
    torch.testing.assert_close(state.attention.sum(-1), torch.ones(2, 4), atol=1e-5, rtol=0)


def test_entropy() -> None:
    rows = torch.tensor([[0.5, 0.25, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0]]).log()
    torch.testing.assert_close(entropy_bits(rows), torch.tensor([1.5, 0.0]))
