import dataclasses

import pytest
import torch
from torch import nn

from pipeline.training.config import OptimizerConfig
from pipeline.training.optimizers import Optimizer, build_optimizer, orthogonalize


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 48), (4, 48, 16)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_orthogonalize_brings_singular_values_near_one(shape, dtype):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    result = orthogonalize(matrices, 5, dtype)
    assert result.dtype == torch.float32
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.84
    assert values.max() < 1.17
    # The same singular vectors: the product with the original's polar factor is near identity.
    u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
    agreement = ((u @ vt) * result).sum(dim=(-2, -1)) / min(shape[1:])
    assert (agreement > 0.95).all()


def test_orthogonalize_leaves_zero_at_zero():
    assert orthogonalize(torch.zeros(2, 4, 8)).abs().max() == 0


def test_muon_first_step_by_hand():
    weight = nn.Parameter(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
    before = weight.detach().clone()
    weight.grad = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
    config = OptimizerConfig(matrix_lr=0.1, weight_decay=0.5, momentum_warmup_steps=0)
    Optimizer({"w": weight}, [], config).step(0.5)
    # One step of Nesterov momentum from zero is a multiple of the gradient: same direction.
    update = orthogonalize(weight.grad[None])[0]
    lr, decay = 0.05, 0.05 * 0.5 * 0.5
    cautious = (update * before > 0).float()
    expected = before - lr * 2**0.5 * update - decay * cautious * before
    torch.testing.assert_close(weight.detach(), expected, rtol=1e-5, atol=1e-6)


def test_adam_matches_torch():
    generator = torch.Generator().manual_seed(0)
    shapes = [(5, 3), (7,)]
    ours = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    theirs = [nn.Parameter(p.detach().clone()) for p in ours]
    config = OptimizerConfig(adam_weight_decay=0.1, adam_epsilon=1e-8)
    optimizer = Optimizer({}, [(0.02, {"a": ours[0], "b": ours[1]})], config)
    reference = torch.optim.AdamW(
        theirs, lr=0.02, betas=(0.8, 0.95), eps=1e-8, weight_decay=0.1, foreach=False
    )
    for _ in range(20):
        for p, q in zip(ours, theirs):
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        optimizer.step(1.0)
        reference.step()
    for p, q in zip(ours, theirs):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)


def test_every_parameter_stands_in_the_group_it_belongs_to(tiny_model):
    optimizer = build_optimizer(tiny_model, OptimizerConfig())
    muon = sorted(name for group in optimizer.muon for name in group.names)
    linear = [n for n, p in tiny_model.named_parameters() if p.ndim == 2 and "layers" in n]
    assert muon == sorted(linear)
    rates = {name: group.lr for group in optimizer.adam for name in group.names}
    scale = (32 / 768) ** -0.5
    assert rates["embed_tokens.weight"] == pytest.approx(0.3 * scale)
    assert rates["lm_head.weight"] == pytest.approx(0.008 * scale)
    assert len(muon) + len(rates) == len(list(tiny_model.named_parameters()))
    assert {id(p) for p in optimizer.parameters()} == {id(p) for p in tiny_model.parameters()}


def test_state_round_trip_continues_bit_for_bit(tiny_model):
    generator = torch.Generator().manual_seed(3)
    optimizer = build_optimizer(tiny_model, OptimizerConfig())

    def random_steps(model, optimizer, gradients):
        for step in gradients:
            for parameter, gradient in zip(optimizer.parameters(), step):
                parameter.grad = gradient.clone()
            optimizer.step(0.7)

    steps = [
        [torch.randn(p.shape, generator=generator) for p in optimizer.parameters()]
        for _ in range(4)
    ]
    random_steps(tiny_model, optimizer, steps[:2])
    weights = {k: v.clone() for k, v in tiny_model.state_dict().items()}
    state = {k: v.clone() for k, v in optimizer.state_tensors().items()}
    random_steps(tiny_model, optimizer, steps[2:])
    expected = {k: v.clone() for k, v in tiny_model.state_dict().items()}

    tiny_model.load_state_dict(weights)
    again = build_optimizer(tiny_model, OptimizerConfig())
    again.load_state_tensors(state)
    random_steps(tiny_model, again, steps[2:])
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_foreign_state_is_refused(tiny_model):
    optimizer = build_optimizer(tiny_model, OptimizerConfig())
    state = dict(optimizer.state_tensors())
    state.pop("exp_avg.norm.weight")
    with pytest.raises(ValueError, match="does not fit"):
        optimizer.load_state_tensors(state)


def test_scaled_changes_rates_only():
    config = OptimizerConfig()
    small = config.scaled(0.1)
    changed = {
        field.name
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(small, field.name)
    }
    assert changed == {"matrix_lr", "embedding_lr", "head_lr", "gain_lr", "table_lr"}


def test_a_tables_row_moves_by_its_gradient_over_its_own_running_size():
    class Tables(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ngrams = torch.nn.ModuleDict({"table": torch.nn.Embedding(3, 4)})

    model = Tables()
    embedding = model.ngrams["table"]
    assert isinstance(embedding, torch.nn.Embedding)
    table = embedding.weight
    config = OptimizerConfig(table_lr=0.5, table_beta=0.9)
    optimizer = build_optimizer(model, config)
    assert optimizer.state_tensors()["mean_sq.ngrams.table.weight"].shape == (3, 1)
    start = table.detach().clone()
    gradient = torch.tensor([[3.0, 0.0, 0.0, 0.0], [0.0] * 4, [1e-3, -1e-3, 1e-3, -1e-3]])
    table.grad = gradient.clone()
    optimizer.step(1.0)
    # The first step of a row: direction by the gradient, root mean square one, times the rate.
    expected = torch.tensor([[2.0, 0, 0, 0], [0.0] * 4, [1.0, -1.0, 1.0, -1.0]]) * 0.5
    torch.testing.assert_close(start - table.detach(), expected, rtol=1e-4, atol=1e-6)
    middle = table.detach().clone()
    table.grad = torch.tensor([[0.0] * 4, [2.0, 0, 0, 0], [0.0] * 4])
    optimizer.step(0.1)
    mean_sq, seen = 0.1 * 1.0, 1 - 0.9**2
    expected = torch.zeros(3, 4)
    expected[1, 0] = 0.05 * 2 / (mean_sq / seen) ** 0.5
    torch.testing.assert_close(middle - table.detach(), expected, rtol=1e-4, atol=1e-6)
