"""Each process' rows of a batch, their mean loss, and batches that can't be shared."""

import pytest
import torch

from pipeline.training import distribution, next_token
from pipeline.training.config import LoopConfig
from pipeline.training.data_loader import Batch
from pipeline.training.gradients import GradientSum
from pipeline.training.step import add_gradients
from storage.errors import UserError


def random_batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(300, (6, 17), generator=generator)
    mask = (torch.rand(6, 16, generator=generator) < 0.8).long()
    return Batch(tokens[:, :-1], tokens[:, 1:], mask, None)


@pytest.mark.parametrize("micro_rows", [0, 1, 2, 4])
def test_loss_and_slopes_are_means_over_the_learned_tokens_of_all_processes(
    tiny_model, monkeypatch, micro_rows
):
    """Of 6 rows the second of two processes reads the last 3, and divides by what all 6 learn."""
    batch = random_batch()
    learned = int(batch.loss_mask.sum())
    logits = tiny_model(batch.tokens[3:])
    nats = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.targets[3:].flatten(), reduction="none"
    )
    expected = (nats * batch.loss_mask[3:].flatten()).sum() / learned
    expected.backward()
    slopes = [p.grad.clone() for p in tiny_model.parameters()]
    tiny_model.zero_grad(set_to_none=True)
    sums = GradientSum(tiny_model, list(tiny_model.parameters()))
    monkeypatch.setattr(distribution, "world", lambda: 2)
    monkeypatch.setattr(distribution, "rank", lambda: 1)
    monkeypatch.setattr(distribution, "sum_numbers", lambda values, _: [v + 8.0 for v in values])
    config = LoopConfig(micro_rows=micro_rows, loss_chunk_tokens=7)
    given = next_token.step_loss(tiny_model, batch, config)
    assert given.tokens == 96
    assert given.flops_per_token == tiny_model.config.flops_per_token(16)
    found, _ = add_gradients(sums, given, tiny_model.device)
    assert found == pytest.approx(float(expected.detach()) + 8.0 / learned, rel=1e-5)
    for parameter, slope in zip(tiny_model.parameters(), slopes):
        torch.testing.assert_close(parameter.grad, slope, rtol=1e-3, atol=1e-6)


def test_every_size_of_batch_must_be_shared_by_the_processes(monkeypatch):
    monkeypatch.setattr(distribution, "world", lambda: 4)
    next_token.check_rows(LoopConfig(rows_per_step=24, first_rows=8))
    with pytest.raises(UserError, match="batches of 6 rows"):
        next_token.check_rows(LoopConfig(rows_per_step=24, first_rows=6))
    with pytest.raises(UserError, match="batches of 22 rows"):
        next_token.check_rows(LoopConfig(rows_per_step=22))
