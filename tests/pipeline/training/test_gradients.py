"""Gradients of two processes: their sum, over many buckets, started while the backward runs."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from leaf_gradients import gradient_of
from patience import PATIENCE_SECONDS, free_port

from pipeline.model import ModelConfig, Transformer
from pipeline.training import gradients
from pipeline.training.data_loader import Batch
from pipeline.training.gradients import GradientSum
from pipeline.training.loss import token_loss

CONFIG = ModelConfig(
    vocab_size=61,
    layers=3,
    width=32,
    heads=2,
    kv_heads=1,
    head_dim=16,
    ffn_width=40,
    max_context=16,
)


def batch(rows: int = 8) -> Batch:
    tokens = torch.randint(0, 61, (rows, 13), generator=torch.Generator().manual_seed(1))
    ones = torch.ones(rows, 12, dtype=torch.int64)
    return Batch(tokens[:, :-1], tokens[:, 1:], ones, None)


def fill(model: Transformer, sums: GradientSum, rows: range, micro: int) -> int:
    """Gradients of some rows; how many buckets had started when the backward was done."""
    for start in range(rows.start, rows.stop, micro):
        with sums.micro_batch(last=start + micro >= rows.stop):
            total, _ = token_loss(model, batch().rows(start, start + micro))
            total.backward()
    return sums._started


def one_of_two(rank: int, port: int, queue: mp.SimpleQueue) -> None:
    torch.set_num_threads(1)
    gradients.BUCKET_BYTES = 5_000
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    model = Transformer(CONFIG).init_weights(0)
    model.norm.weight.requires_grad_(False)  # one that takes no part
    sums = GradientSum(model, [p for p in model.parameters() if p.requires_grad])
    for _ in range(2):  # the hooks must be ready for a second step
        model.zero_grad(set_to_none=True)
        started = fill(model, sums, range(rank * 4, rank * 4 + 4), micro=2)
        found = sums.finish()
    if rank == 0:
        queue.put((len(sums._buckets), started, sums.norm(found), [g.tolist() for g in found]))
    dist.barrier()
    dist.destroy_process_group()


def test_two_processes_sum_as_one_does() -> None:
    port = free_port()
    queue = mp.get_context("spawn").SimpleQueue()
    context = mp.spawn(one_of_two, (port, queue), nprocs=2, join=False)
    buckets, started, norm, found = queue.get()
    while not context.join(timeout=PATIENCE_SECONDS):
        pass
    model = Transformer(CONFIG).init_weights(0)
    model.norm.weight.requires_grad_(False)
    sums = GradientSum(model, [p for p in model.parameters() if p.requires_grad])
    fill(model, sums, range(8), micro=8)
    expected = sums.finish()
    assert buckets > 5
    assert started == buckets  # all of them were under way before anybody waited
    assert norm == pytest.approx(sums.norm(expected), rel=1e-5)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.tensor(mine), theirs, atol=1e-5, rtol=1e-5)


def test_one_process_keeps_its_gradients() -> None:
    model = Transformer(CONFIG).init_weights(0)
    sums = GradientSum(model, list(model.parameters()))
    assert fill(model, sums, range(8), micro=4) == 0
    found = sums.finish()
    own = [gradient_of(parameter) for parameter in model.parameters()]
    assert [g.data_ptr() for g in found] == [g.data_ptr() for g in own]
    norms = torch.stack([g.norm() for g in own])
    assert sums.norm(found) == pytest.approx(float(norms.norm()), rel=1e-6)
