"""The C kernels against the model's own forward pass, and bit by bit against themselves."""

import itertools
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from pipeline.model import Transformer, instructions, native
from pipeline.model.engine import Engine
from storage.errors import UserError

SHAPE = {"width": 48, "heads": 2, "kv_heads": 1, "head_dim": 32, "ffn_width": 80, "vocab_size": 70}
SHARED = [5, 9, 33, 2, 2, 41, 7, 8, 19, 60, 3, 3]
PROMPTS = [[1], [*SHARED, 4], [*SHARED, 4, 11], [*SHARED, 50], SHARED, [9, 9, 9] * 9, [*SHARED, 4]]
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "llama": {"family": "llama"},
    "gpt2": {"family": "gpt2", "heads": 2, "kv_heads": 2, "width": 64, "tie_embeddings": True},
}


@pytest.fixture(params=FAMILIES)
def model(request, make_model):
    made = make_model(**{**SHAPE, **FAMILIES[request.param]})
    if native.kernels(made) is None:
        pytest.skip("the C kernels are not built")
    return made


def hidden_by_kernels(model, format, prompts, wanted):
    packed = native.pack(model, format, model.config.max_context)
    assert packed is not None
    hidden, places = native.read(packed, prompts, wanted)
    return [torch.from_numpy(hidden[place]) for place in places]


def test_hidden_states_equal_the_models(model):
    """Shared beginnings, places asked for inside them, one token, blocks of more than 96 tokens."""
    prompts = [*PROMPTS, *([k, k + 1, *range(40)] for k in range(6))]
    wanted = [min(len(p), 5) for p in prompts]
    with torch.no_grad():
        for got, prompt, last in zip(
            hidden_by_kernels(model, "float32", prompts, wanted), prompts, wanted
        ):
            expected = model.hidden(torch.tensor([prompt]))[0, -last:]
            torch.testing.assert_close(got, expected, atol=2e-5, rtol=0)


def test_pages_lie_one_after_another_from_a_cache_line():
    stand_in = SimpleNamespace(position_bytes=96, kernels=SimpleNamespace(PAGE=32))
    memory = native.PageMemory(cast(native.PackedWeights, stand_in), 3)
    first, second, third = memory.addresses([0, 1, 2]).tolist()
    assert first % 64 == 0
    assert (second - first, third - second) == (32 * 96, 32 * 96)
    memory.pages[0], memory.pages[2] = 7, 9
    memory.copy(2, 1)
    memory.copy(0, 0)
    assert [set(page.tolist()) for page in memory.pages] == [{7}, {9}, {9}]


def force(monkeypatch, ceiling):
    """Act like a processor that has no more than this; skip where this one has less itself."""
    monkeypatch.setenv(instructions.VARIABLE, ceiling)
    try:
        instructions.flags()
    except UserError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("ceiling", instructions.CEILINGS)
@pytest.mark.parametrize(
    ("format", "most"), [("float32", 1e-5), ("bfloat16", 0.03), ("int8", 0.05)]
)
def test_every_format_stays_near_on_every_processor(model, format, most, ceiling, monkeypatch):
    force(monkeypatch, ceiling)
    got = torch.cat(hidden_by_kernels(model, format, PROMPTS, [1] * len(PROMPTS)))
    with torch.no_grad():
        expected = torch.stack([model.hidden(torch.tensor([p]))[0, -1] for p in PROMPTS])
    error = (got - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert 0 < error < most


@pytest.mark.parametrize(
    ("ceiling", "format", "name", "special"),
    [
        ("avx512_bf16", "float32", "avx512", False),
        ("avx512_bf16", "bfloat16", "avx512", True),
        ("avx512_bf16", "int8", "avx512", True),
        ("avx512_vnni", "float32", "avx512", False),  # Cascade Lake: wide, and int8 as it should be
        ("avx512_vnni", "bfloat16", "avx512", False),
        ("avx512_vnni", "int8", "avx512", True),
        ("avx512", "int8", "avx512", False),
        ("avx2", "int8", "avx2", False),
    ],
)
def test_a_format_takes_what_it_needs_and_asks_for_no_more(
    model, ceiling, format, name, special, monkeypatch
):
    force(monkeypatch, ceiling)
    packed = native.pack(model, format, 40)
    assert packed is not None
    assert name == packed.kernels.INSTRUCTIONS
    assert bool(packed.record["special"][0]) is special


def test_int8_is_the_same_to_the_bit_without_its_instruction(model, monkeypatch):
    results = []
    for ceiling in ("avx512_vnni", "avx512"):
        force(monkeypatch, ceiling)
        results.append(hidden_by_kernels(model, "int8", PROMPTS, [1] * len(PROMPTS)))
    for a, b in zip(*results):
        assert torch.equal(a, b)


@pytest.mark.parametrize("ceiling", ["portable", "avx2", "avx512"])
def test_kernels_of_shorter_vectors_agree(model, ceiling, monkeypatch):
    settings: dict[str, Any] = {"samples": 3, "max_new_tokens": 20, "seed": 3}
    wide = Engine(model).generate(PROMPTS, **settings)
    force(monkeypatch, ceiling)
    short = Engine(model).generate(PROMPTS, **settings)
    for a, b in zip(itertools.chain(*wide), itertools.chain(*short)):
        assert a.tokens == b.tokens
        np.testing.assert_allclose(a.logprobs, b.logprobs, atol=2e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_a_result_is_the_same_to_the_bit_in_any_batch(model, int8):
    if int8 and native.kernels(model) is None:
        pytest.skip("this processor doesn't multiply int8")
    settings: dict[str, Any] = {
        "samples": 5,
        "max_new_tokens": 20,
        "seed": 3,
        "stop_tokens": (11, 40),
    }
    engine = Engine(model, int8=int8)
    together = engine.generate(PROMPTS[:-1], **settings)
    assert len({len(c.tokens) for cs in together for c in cs}) > 3  # rows left at different times
    for prompt, expected in zip(PROMPTS, together):
        assert engine.generate([prompt], **settings)[0] == expected
    assert Engine(model, 7, int8=int8).generate(PROMPTS[:-1], **settings) == together
    threads = torch.get_num_threads()
    try:
        for other in (1, 3):
            torch.set_num_threads(other)
            assert engine.generate(PROMPTS[:-1], **settings) == together
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "how",
    [{}, {"temperature": 0.7, "top_k": 6}, {"top_p": 0.6}, {"min_p": 0.3}, {"temperature": 0.0},
     {"top_k": 20, "top_p": 0.8, "min_p": 0.05, "temperature": 1.4}],
)  # fmt: skip
def test_torch_draws_the_same_tokens(model, how, monkeypatch):
    settings: dict[str, Any] = {"samples": 4, "max_new_tokens": 15, "seed": 9, **how}
    with monkeypatch.context() as patch:
        patch.setattr(native, "kernels", lambda _: None)
        by_torch = Engine(model).generate(PROMPTS, **settings)
    by_kernels = Engine(model).generate(PROMPTS, **settings)
    for a, b in zip(itertools.chain(*by_torch), itertools.chain(*by_kernels)):
        assert a.tokens == b.tokens
        assert a.stopped == b.stopped
        np.testing.assert_allclose(a.logprobs, b.logprobs, atol=5e-5)


def test_weights_are_read_anew_unless_frozen(model):
    loose, frozen = Engine(model), Engine(model, frozen=True)
    before = [e.generate([[1, 2]], max_new_tokens=9, temperature=0)[0][0] for e in (loose, frozen)]
    with torch.no_grad():
        model.norm.weight.neg_()
    after = [e.generate([[1, 2]], max_new_tokens=9, temperature=0)[0][0] for e in (loose, frozen)]
    assert before[0] == before[1] == after[1]
    assert after[0].logprobs != before[0].logprobs


def test_what_the_kernels_cant_do_goes_to_torch(make_model):
    odd = make_model()  # heads of 8
    assert native.kernels(odd) is None
    assert len(Engine(odd).generate([[1]], max_new_tokens=3)[0][0].tokens) == 3
    with pytest.raises(UserError, match="int8"):
        Engine(odd, int8=True)


def test_quantized_rows_come_back_within_half_a_step():
    weight = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    values, scales = native.quantize(weight)
    assert values.dtype == torch.int8
    assert values.abs().amax(1).eq(127).all()
    assert ((values * scales[:, None] - weight).abs() <= scales[:, None] / 2 + 1e-7).all()


@pytest.mark.skipif(instructions.build_of("_decode") is None, reason="no kernels on this machine")
@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"width": 48}, True),
        ({"width": 40}, False),
        ({"width": 60}, False),
        ({"ffn_width": 80}, True),
        ({"ffn_width": 72}, False),
    ],
)
def test_the_kernels_take_models_whose_rows_are_whole_vectors(changes, taken):
    """Sixteen floats a vector: nothing is said of a tail."""
    sizes = {"family": native.FAMILIES[0], "head_dim": native.HEAD_DIMS[0]}
    sizes |= {"width": 64, "ffn_width": 96} | changes
    stand_in = SimpleNamespace(device=torch.device("cpu"), config=SimpleNamespace(**sizes))
    assert (native.kernels(cast(Transformer, stand_in)) is not None) is taken


@torch.no_grad()
def test_the_head_that_torch_multiplies_with_is_the_formats(make_model):
    model = make_model(**SHAPE)
    plain, _ = native.dense_head(model, "float32")
    assert torch.equal(plain, native.head_of(model, torch.float32)[0])
    assert native.dense_head(model, "bfloat16")[0].dtype == torch.bfloat16
    rounded, _ = native.dense_head(model, "int8")
    steps = rounded / (plain.abs().amax(1, keepdim=True) / 127)
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert 0 < float((rounded - plain).abs().max() / plain.abs().max()) < 0.005
