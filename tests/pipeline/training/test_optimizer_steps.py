"""Steps of each optimizer and the loss, beside the papers' formulas in plain numpy and floats.

Muon: Jordan et al. 2024 (Nesterov momentum as an average, then the nearest orthogonal matrix by the
Polar Express of arXiv 2505.16932), momentum warmed up as in modded-nanogpt, cautious decay
(arXiv 2411.16085). AdamW: Loshchilov & Hutter 2019, algorithm 2.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.training.config import OptimizerConfig
from pipeline.training.loss import fused_cross_entropy
from pipeline.training.optimizers import Optimizer, build_optimizer

POLAR_EXPRESS = [  # table of the paper, 5 steps
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
]


def orthogonal(matrix, steps):
    x = matrix / (np.linalg.norm(matrix) * 1.02 + 1e-12)
    for a, b, c in POLAR_EXPRESS[:steps]:
        square = x @ x.T
        x = a * x + b * square @ x + c * square @ square @ x
    return x


@pytest.mark.parametrize("shape", [(3, 5), (6, 4), (4, 4)])
@pytest.mark.parametrize("steps", [5, 3])
def test_three_steps_of_muon(shape, steps):
    draw = np.random.default_rng(0)
    weight = draw.normal(size=shape)
    slopes = draw.normal(size=(3, *shape))
    config = OptimizerConfig(
        matrix_lr=0.1,
        momentum=0.9,
        initial_momentum=0.7,
        momentum_warmup_steps=2,
        newton_schulz_steps=steps,
        weight_decay=0.4,
    )
    parameter = nn.Parameter(torch.tensor(weight, dtype=torch.float32))
    optimizer = Optimizer({"w": parameter}, [], config)
    average = np.zeros(shape)
    stretch = math.sqrt(max(1.0, shape[0] / shape[1]))
    scales = [1.0, 0.5, 0.25]
    for slope, momentum, scale in zip(slopes, [0.7, 0.8, 0.9], scales):
        average = momentum * average + (1 - momentum) * slope
        ahead = momentum * average + (1 - momentum) * slope  # Nesterov: the slope once more
        tall = shape[0] > shape[1]
        update = orthogonal(ahead.T, steps).T if tall else orthogonal(ahead, steps)
        rate = 0.1 * scale
        agree = update * weight > 0
        weight = weight - rate * stretch * update - rate * 0.4 * scale * weight * agree
        parameter.grad = torch.tensor(slope, dtype=torch.float32)
        optimizer.step(scale)
        np.testing.assert_allclose(parameter.detach().numpy(), weight, rtol=1e-4, atol=1e-5)
    state = optimizer.state_tensors()["momentum.w"]
    np.testing.assert_allclose(state.numpy(), average, rtol=1e-5, atol=1e-6)


def test_three_steps_of_adamw():
    """One number at a time, in plain floats; the matrix beside it must not disturb the count."""
    config = OptimizerConfig(
        adam_beta1=0.7, adam_beta2=0.9, adam_epsilon=1e-3, adam_weight_decay=0.2
    )
    parameter = nn.Parameter(torch.tensor([0.5, -2.0]))
    matrix = nn.Parameter(torch.ones(2, 2))
    optimizer = Optimizer({"m": matrix}, [(0.05, {"p": parameter})], config)
    values, first, second = [0.5, -2.0], [0.0, 0.0], [0.0, 0.0]
    for step, (slopes, scale) in enumerate(
        [((0.3, -0.01), 1.0), ((-0.2, 0.5), 0.5), ((0.1, 0.0), 0.1)], start=1
    ):
        rate = 0.05 * scale
        for i, slope in enumerate(slopes):
            values[i] *= 1 - rate * 0.2
            first[i] = 0.7 * first[i] + 0.3 * slope
            second[i] = 0.9 * second[i] + 0.1 * slope * slope
            mean, size = first[i] / (1 - 0.7**step), second[i] / (1 - 0.9**step)
            values[i] -= rate * mean / (math.sqrt(size) + 1e-3)
        parameter.grad = torch.tensor(slopes)
        optimizer.step(scale)
        assert parameter.tolist() == pytest.approx(values, rel=1e-5)


def test_rates_of_each_group(tiny_model):
    """(32 / 768) ** -0.5 = 4.899: embedding and head by width, gains as they are."""
    config = OptimizerConfig(embedding_lr=0.2, head_lr=0.004, gain_lr=0.03)
    rates = {}
    for group in build_optimizer(tiny_model, config).adam:
        for name in group.names:
            rates[name] = group.lr
    assert rates.pop("embed_tokens.weight") == pytest.approx(0.2 * 4.898979)
    assert rates.pop("lm_head.weight") == pytest.approx(0.004 * 4.898979)
    assert set(rates.values()) == {0.03}


def test_a_tied_embedding_learns_at_the_heads_rate():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed_tokens = nn.Embedding(5, 192)

    (group,) = build_optimizer(Tied(), OptimizerConfig(embedding_lr=0.2, head_lr=0.004)).adam
    assert group.lr == pytest.approx(0.004 * 2.0)  # (192 / 768) ** -0.5


@pytest.mark.parametrize("chunk", [1, 2, 10])
def test_the_loss_and_its_slopes(chunk):
    """Three positions over three tokens, in plain floats; the second has weight 0."""
    hidden = [[1.0, -0.5], [7.0, 7.0], [0.25, 2.0]]
    head = [[0.3, 0.1], [-0.2, 0.4], [0.05, -0.6]]
    bias = [0.1, -0.3, 0.2]
    targets, weights = [2, 0, 1], [0.5, 0.0, -2.0]
    total, nats = 0.0, []
    to_hidden = [[0.0, 0.0] for _ in hidden]
    to_head, to_bias = [[0.0, 0.0] for _ in head], [0.0] * 3
    for at, (h, target, weight) in enumerate(zip(hidden, targets, weights)):
        logits = [sum(x * w for x, w in zip(h, row)) + b for row, b in zip(head, bias)]
        shares = [math.exp(value) for value in logits]
        shares = [share / sum(shares) for share in shares]
        nats.append(-math.log(shares[target]) if weight else 0.0)
        total += weight * nats[-1]
        for token, share in enumerate(shares):
            slope = weight * (share - (token == target))
            to_bias[token] += slope
            for k in range(2):
                to_hidden[at][k] += slope * head[token][k]
                to_head[token][k] += slope * h[k]
    tensors = [torch.tensor(t, requires_grad=True) for t in (hidden, head, bias)]
    found, its_nats = fused_cross_entropy(
        tensors[0], tensors[1], torch.tensor(targets), torch.tensor(weights), chunk, tensors[2]
    )
    (3.0 * found).backward()
    assert found.item() == pytest.approx(total, rel=1e-5)
    assert its_nats.tolist() == pytest.approx(nats, rel=1e-5)
    for tensor, slopes in zip(tensors, (to_hidden, to_head, to_bias)):
        expected = 3.0 * torch.tensor(slopes)
        torch.testing.assert_close(tensor.grad, expected, rtol=1e-4, atol=1e-6)
