import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.spikes import Spikes


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
