"""Results don't depend on where arrays lie: torch's products and loops, and our C kernels."""

import pytest
import torch

from pipeline.model import ModelConfig, Transformer, native
from pipeline.model.engine import Engine
from pipeline.model.precision import multiplies_bfloat16
from pipeline.training.config import OptimizerConfig
from pipeline.training.data_loader import Batch
from pipeline.training.loss import token_loss
from pipeline.training.optimizers import build_optimizer

FLOATS = (0, 1, 4, 13, 1001)  # from the beginning of a page
# Sizes that fill no vector: what is left over is where MKL's products differ, if it isn't told.
ODD = {"width": 18, "head_dim": 8, "ffn_width": 41}


def at(x, floats):
    """A copy that begins so far into a page."""
    room = torch.empty(x.numel() + 2048, dtype=x.dtype)
    start = -(room.data_ptr() // x.element_size()) % 1024 + floats
    return room[start : start + x.numel()].view(x.shape).copy_(x)


def placed(floats, dtype, **shape):
    sizes = {"vocab_size": 310, "layers": 2, "width": 64, "heads": 2, "kv_heads": 1}
    rest = {"head_dim": 32, "ffn_width": 64, "max_context": 32}
    model = Transformer(ModelConfig(**(sizes | rest | shape))).init_weights(0)
    model.compute_dtype = dtype
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.05)
            parameter.data = at(parameter.data, floats)
    return model


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("dtype", "shape"), [(torch.float32, {}), (torch.float32, ODD), (torch.bfloat16, {})]
)
def test_two_steps(dtype, shape, threads):
    if dtype == torch.bfloat16 and not multiplies_bfloat16(torch.device("cpu")):
        pytest.skip("this processor doesn't multiply bfloat16")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(300, (3, 30), generator=draw)
    mask = (torch.rand(3, 29, generator=draw) < 0.6).long()
    results = []
    for floats in FLOATS:
        model = placed(floats, dtype, **shape)
        optimizer = build_optimizer(model, OptimizerConfig())
        batch = Batch(at(tokens, floats)[:, :-1], at(tokens, floats)[:, 1:], at(mask, floats), None)
        for _ in range(2):
            total, nats = token_loss(model, batch, chunk_tokens=16)
            (total / mask.sum()).backward()
            for parameter in model.parameters():
                parameter.grad = at(parameter.grad, floats)
            optimizer.step(1.0)
            model.zero_grad()
        results.append({"nats": nats, **model.state_dict()})
    for other in results[1:]:
        for name, tensor in results[0].items():
            assert torch.equal(other[name], tensor), name


@pytest.mark.parametrize("format", ["float32", "bfloat16", "int8"])
def test_answers(format):
    if native.kernels(placed(0, torch.float32)) is None:
        pytest.skip("no C kernels for this here")
    dtype = torch.bfloat16 if format == "bfloat16" else torch.float32
    results = []
    for floats in FLOATS:
        engine = Engine(placed(floats, dtype), int8=format == "int8")
        results.append(engine.generate([[1, 2, 3], [7] * 9], samples=2, max_new_tokens=12, seed=3))
    assert all(result == results[0] for result in results)
