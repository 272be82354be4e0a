"""The one path from logits to tokens, and the counters its randomness comes from."""

import math

import numpy as np
import pytest
import torch

from pipeline.model import sampling


def chi_square(counts: np.ndarray, probabilities: np.ndarray) -> float:
    expected = probabilities * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


def test_log_probs_are_normalised_float32_and_know_temperature():
    logits = torch.randn(5, 9, dtype=torch.bfloat16) * 3
    for temperature in (0.5, 1.0, 2.0):
        got = sampling.log_probs(logits, temperature)
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.exp().sum(-1), torch.ones(5))
        torch.testing.assert_close(got, torch.log_softmax(logits.float() / temperature, -1))
    assert torch.equal(sampling.log_probs(logits, 0.0), sampling.log_probs(logits, 1.0))


def test_top_k_keeps_the_k_most_likely_and_ties():
    logits = torch.tensor([[1.0, 3.0, 2.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    kept = sampling.log_probs(logits, 1.0, top_k=2).isfinite()
    assert kept.tolist() == [[False, True, True, False], [True, True, True, False]]
    all_kept = sampling.log_probs(logits, 1.0, top_k=4)
    assert torch.equal(all_kept, sampling.log_probs(logits, 1.0))


def test_top_p_keeps_the_fewest_that_weigh_enough_and_ties():
    logits = torch.tensor([[0.1, 0.5, 0.15, 0.25], [0.3, 0.3, 0.3, 0.1]]).log()
    kept = [
        sampling.log_probs(logits, 1.0, top_p=p).isfinite().tolist() for p in (0.4, 0.6, 0.8, 0.95)
    ]
    assert [row[0] for row in kept] == [
        [False, True, False, False],
        [False, True, False, True],
        [False, True, True, True],
        [True, True, True, True],
    ]
    assert kept[0][1] == [True, True, True, False]  # ties stay
    after_k = sampling.log_probs(logits[:1], 1.0, top_k=2, top_p=0.66).isfinite()
    assert after_k.tolist() == [[False, True, False, False]]  # 0.5 of 0.75 is enough


def test_min_p_keeps_what_is_likely_enough_beside_the_most_likely():
    logits = torch.tensor([[0.1, 0.5, 0.15, 0.25]]).log()
    kept = sampling.log_probs(logits, 1.0, min_p=0.29).isfinite()
    assert kept.tolist() == [[False, True, True, True]]
    torch.testing.assert_close(
        sampling.log_probs(logits, 1.0, min_p=0.4).exp(), torch.tensor([[0.0, 2 / 3, 0.0, 1 / 3]])
    )


def test_min_p_keeps_what_is_just_likely_enough_and_1_keeps_the_most_likely_and_ties():
    logits = torch.tensor([[0.0, math.log(0.5), math.log(0.49), 0.0]])
    kept = [sampling.log_probs(logits, 1.0, min_p=p).isfinite()[0].tolist() for p in (0.5, 1.0)]
    assert kept == [[True, True, False, True], [True, False, False, True]]


def test_gradient_flows_through_temperature_and_top_k():
    logits = torch.randn(3, 6, requires_grad=True)
    sampling.log_probs(logits, 0.7, top_k=3).max(-1).values.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


def test_sample_inverts_the_distribution_and_never_takes_weight_zero():
    table = torch.log(torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]])).expand(4, -1)
    draws = torch.tensor([1e-10, 0.2499, 0.2501, 1 - 1e-10], dtype=torch.float64)
    assert sampling.sample(table, draws).tolist() == [1, 1, 3, 3]


def test_uniforms_are_uniform_and_independent():
    keys = np.array([sampling.row_key(0, [1, 2], 0, s) for s in range(400)], dtype=np.uint64)
    draws = np.stack([sampling.uniforms(keys, position) for position in range(100)])
    assert draws.min() > 0
    assert draws.max() < 1
    counts = np.histogram(draws, bins=50, range=(0, 1))[0]
    assert chi_square(counts, np.full(50, 1 / 50)) < 85.4  # 49 degrees of freedom, p = 0.001
    along_rows = np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]
    across_rows = np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]
    assert abs(along_rows) < 4 / math.sqrt(draws.size)
    assert abs(across_rows) < 4 / math.sqrt(draws.size)


def test_uniforms_are_pinned():
    """A stream that changed would change every rollout: it must not happen unnoticed."""
    keys = np.array([0, 1, 2**64 - 1], dtype=np.uint64)
    # SplitMix64 seeded with 0 starts with 0xE220A8397B1DCDAF.
    assert sampling.uniforms(keys, 0)[0] == pytest.approx((0xE220A839 + 0.5) / 2**32, abs=0)
    assert sampling.uniforms(keys[:1], 1)[0] == pytest.approx((0x6E789E6A + 0.5) / 2**32, abs=0)


@pytest.mark.parametrize(
    ("seed", "published"),
    [
        # Vigna's splitmix64.c, as its users print it for these seeds.
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]),
        (
            1234567,
            [
                6457827717110365317,
                3203168211198807973,
                9817491932198370423,
                4593380528125082431,
                16408922859458223821,
            ],
        ),
    ],
)
def test_uniforms_are_the_upper_halves_of_splitmix64(seed, published):
    drawn = sampling.uniforms(np.array([seed], np.uint64), np.arange(len(published)))
    assert ((drawn * 2**32) - 0.5).astype(np.uint64).tolist() == [n >> 32 for n in published]


def test_row_keys_differ_in_every_part():
    base = (7, [1, 2, 3], 0, 0)
    others = [(8, [1, 2, 3], 0, 0), (7, [1, 2], 0, 0), (7, [1, 2, 3], 1, 0), (7, [1, 2, 3], 0, 1)]
    assert len({sampling.row_key(*case) for case in [base, *others]}) == 5


def test_sampled_frequencies_match_probabilities():
    table = torch.log_softmax(torch.linspace(-2, 2, 12), -1)
    keys = np.array([sampling.row_key(5, [9], 0, s) for s in range(20_000)], dtype=np.uint64)
    drawn = sampling.sample(table.expand(20_000, -1), torch.from_numpy(sampling.uniforms(keys, 0)))
    counts = np.bincount(drawn.numpy(), minlength=12)
    assert chi_square(counts, table.exp().double().numpy()) < 31.3  # 11 degrees, p = 0.001


def test_greedy_takes_the_most_likely_of_each_row_and_of_equal_ones_the_lowest_id():
    table = torch.tensor([[-3.0, -1.0, -1.0], [-0.5, -2.0, -2.0], [-4.0, -4.0, -0.1]])
    assert sampling.greedy(table).tolist() == [1, 0, 2]
    assert sampling.greedy(table[0]).item() == 1


def test_every_row_is_cut_by_itself_whatever_the_shape():
    logits = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(2)) * 3
    for settings in ({"top_k": 3}, {"top_p": 0.7}, {"min_p": 0.2}, {"top_k": 4, "top_p": 0.8}):
        whole = sampling.log_probs(logits, 0.8, **settings)
        for row in range(2):
            for at in range(3):
                alone = sampling.log_probs(logits[row, at], 0.8, **settings)
                assert torch.equal(whole[row, at], alone)
