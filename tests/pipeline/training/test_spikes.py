import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.spikes import GRAD_NORM, Spikes


def judged(spikes: Spikes, losses: list[float]) -> list[bool]:
    return [bool(spikes.judge(loss, 1.0)) for loss in losses]


def falling(steps: int, seed: int = 0, noise: float = 0.1) -> list[float]:
    rng = random.Random(seed)
    return [3.0 + 4.0 * math.exp(-step / 30) + rng.gauss(0, noise) for step in range(steps)]


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (3.0, math.nan)])
def test_what_is_no_number_is_wrong_at_once(loss, norm):
    assert "gradient norm" in Spikes().judge(loss, norm)


def test_a_falling_noisy_loss_is_fine():
    for seed in range(5):
        assert not any(judged(Spikes(), falling(600, seed)))


def test_a_spike_that_lasts_is_found_and_an_odd_batch_is_not():
    losses = falling(200)
    losses[120] = 30.0
    assert not any(judged(Spikes(), losses))
    losses[150:153] = [4.5, 4.5, 4.5]
    found = judged(Spikes(), losses)
    assert [step for step, wrong in enumerate(found) if wrong] == [152]


def test_small_steps_above_a_set_known_by_heart_are_fine():
    assert not any(judged(Spikes(), [0.01] * 100 + [0.4] * 20))
    assert any(judged(Spikes(nats=0.1), [0.01] * 100 + [0.4] * 20))


def test_noise_raises_the_limit():
    quiet, loud = Spikes(), Spikes()
    judged(quiet, falling(100, noise=0.01)[50:])
    judged(loud, falling(100, noise=0.3)[50:])
    assert quiet.limit() < loud.limit()


def test_without_deviations_there_are_no_spikes():
    assert not any(judged(Spikes(deviations=0.0), [1.0] * 60 + [50.0] * 10))


def of_norms() -> Spikes:
    return Spikes(window=10, nats=math.log(30.0), of=GRAD_NORM)


def judged_norms(spikes: Spikes, norms: list[float], loss: float = 0.0) -> list[str]:
    return [spikes.judge(loss, norm) for norm in norms]


def scattered(steps: int, seed: int = 0) -> list[float]:
    """As RL's in earnest: they fall by a factor of ten and scatter by factors of two."""
    rng = random.Random(seed)
    return [
        (0.01 + 0.1 * math.exp(-step / 8)) * math.exp(rng.gauss(0, 0.7)) for step in range(steps)
    ]


def test_norms_that_scatter_and_rise_with_what_is_learned_are_fine():
    for seed in range(20):
        norms = [*scattered(200, seed), *(24 * norm for norm in scattered(200, seed)[100:])]
        assert not any(judged_norms(of_norms(), norms))


def test_a_norm_that_stays_large_is_found_whatever_the_loss_says():
    norms = [0.02] * 20
    norms[15] = 9.0  # one odd batch
    found = judged_norms(of_norms(), [*norms, 0.61, 0.61, 0.61])
    assert [step for step, wrong in enumerate(found) if wrong] == [22]
    assert found[22] == "gradient norm 0.61, above 0.6 for 3 steps"
    assert not any(judged_norms(of_norms(), [*norms, 0.59, 0.59, 0.59]))
    assert not any(judged_norms(of_norms(), norms, loss=100.0))


def test_steps_that_taught_nothing_are_not_counted():
    spikes = of_norms()
    assert not any(judged_norms(spikes, [0.0] * 50))
    assert spikes.limit() == math.inf
    judged_norms(spikes, [0.02, 0.0] * 10)
    assert math.exp(spikes.limit()) == pytest.approx(0.6)
    assert [bool(wrong) for wrong in judged_norms(spikes, [1.0, 0.0, 1.0, 0.0, 1.0])] == [
        *[False] * 4,
        True,
    ]


@given(
    st.lists(st.floats(0, 12), min_size=60, max_size=90).flatmap(
        lambda losses: st.tuples(st.just(losses), st.integers(0, len(losses)))
    )
)
def test_what_is_recalled_judges_alike(case):
    losses, cut = case
    whole = Spikes(window=20, patience=2)
    expected = judged(whole, losses)
    first, second = Spikes(window=20, patience=2), Spikes(window=20, patience=2)
    start = judged(first, losses[:cut])
    second.recall(first.as_json())
    assert start + judged(second, losses[cut:]) == expected
    assert second.as_json() == whole.as_json()
