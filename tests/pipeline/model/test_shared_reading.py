"""What torch reads by the tree of shared beginnings is what it reads one by one."""

import dataclasses

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.model import shared_reading
from pipeline.model.shared_reading import hidden_states, is_worthwhile

PHASES = (Phase.explicit, Phase.generate)  # a model is too slow to shrink by
FEW = st.lists(st.integers(0, 2), min_size=1, max_size=18)
STEMS = st.lists(FEW, min_size=1, max_size=3)


@pytest.fixture(scope="module", params=["qwen3", "gpt2", "speedrun"])
def model(request):
    """By torch on any machine: no kernel knows heads of 8."""
    from pipeline.model import ModelConfig, Transformer

    config = ModelConfig(
        vocab_size=30,
        layers=2,
        width=16,
        heads=2,
        kv_heads=2 if request.param == "gpt2" else 1,
        head_dim=8,
        ffn_width=32,
        max_context=96,
        family=request.param,
    )
    if request.param == "speedrun":
        config = dataclasses.replace(config, ngram_rows=(32, 32), ngram_width=8)
    made = Transformer(config).init_weights(0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.2)
    return made


@st.composite
def families(draw):
    """Sequences of several stems, some of them stems of others."""
    stems = draw(STEMS)
    found = [draw(st.sampled_from(stems)) + draw(FEW) + draw(FEW) for _ in range(5)]
    return found + [one + draw(FEW) for one in found[:3]]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES
)
@given(
    sequences=families(),
    data=st.data(),
    at_once=st.sampled_from([1, 40, 4096]),
    limits=st.sampled_from([(1 << 25, 1 << 31), (60, 1)]),  # scores and bytes held at once
)
@torch.no_grad()
def test_hidden_states_are_those_of_each_sequence_alone(model, sequences, data, at_once, limits):
    wanted = [data.draw(st.integers(0, len(s))) for s in sequences]
    weights = model.cast_weights()
    moves: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_reading, "MAX_SCORES", limits[0])
        patch.setattr(shared_reading, "MAX_CACHE_BYTES", limits[1])
        hidden, places = hidden_states(model, weights, sequences, wanted, at_once, moves.append)
    assert moves
    for sequence, last, own in zip(sequences, wanted, places):
        alone = model.hidden(torch.tensor([sequence]), weights=weights)[0]
        torch.testing.assert_close(hidden[own], alone[len(sequence) - last :], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_padding_falls_on_nothing_that_is_seen(model):
    """A row that fills its cache to the last place beside one that is longer from there on."""
    full, longer = [n % 5 for n in range(30)], [7] * 10
    sequences = [[*full, 8], [*full, 9], longer + [3] * 15, longer + [4] * 15]
    hidden, places = hidden_states(
        model, model.cast_weights(), sequences, [1] * 4, 4096, lambda _: None
    )
    for sequence, (place,) in zip(sequences, places):
        alone = model.hidden(torch.tensor([sequence]))[0, -1]
        torch.testing.assert_close(hidden[place], alone, rtol=1e-4, atol=1e-4)


def test_it_is_worthwhile_from_a_quarter_on():
    assert is_worthwhile(100, 75)
    assert not is_worthwhile(100, 76)
