"""Lanes: results in order, one thread each, the same gradients as without them, the same bytes."""

import functools
import threading
import time

import pytest
import torch

from pipeline.curriculum import tasks
from pipeline.model import Transformer, transformer
from pipeline.model import device as devices
from pipeline.model.config import ModelConfig
from pipeline.rl import policy_gradient
from pipeline.rl.objectives import RatioBounds
from pipeline.rl.rollouts import Rollout
from pipeline.training import lanes, next_token, optimizers
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import Batch
from pipeline.training.gradients import GradientSum
from pipeline.training.optimizers import orthogonalize
from pipeline.training.step import StepLoss, add_gradients
from storage.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture(params=[2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture
def model():
    shape = ModelConfig(
        vocab_size=37,
        layers=2,
        width=32,
        heads=2,
        kv_heads=1,
        head_dim=16,
        ffn_width=48,
        max_context=24,
    )
    made = Transformer(shape).init_weights(3)
    with (
        torch.no_grad()
    ):  # fresh output projections are zero, and so would be gradients before them
        for weight in made.parameters():
            weight.add_(torch.linspace(-0.1, 0.1, weight.numel()).view_as(weight))
    return made


def batch_of(rows, count=20):
    generator = torch.Generator().manual_seed(rows)
    tokens = torch.randint(0, 37, (rows, count + 1), generator=generator)
    mask = (torch.rand(rows, count, generator=generator) < 0.7).float()
    ids = torch.arange(count).div(7, rounding_mode="floor").expand(rows, count).contiguous()
    return Batch(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous(), mask, ids)


def gradients(model, loss):
    for parameter in model.parameters():
        parameter.grad = None
    value, found = add_gradients(GradientSum(model, list(model.parameters())), loss, CPU)
    return value, [gradient.clone() for gradient in found]


def test_results_are_in_order_and_each_lane_has_one_thread(threads):
    seen = {}

    def work(index):
        time.sleep(0.002 * (7 - index))  # the first ends last
        seen[index] = threading.get_ident()
        return index, torch.get_num_threads()

    found = lanes.run([functools.partial(work, index) for index in range(7)], threads)
    assert found == [(index, 1) for index in range(7)]
    for index in range(7):  # work that follows in a lane is done in its thread
        assert seen[index] == seen[index % threads]
    assert len(set(seen.values())) == threads
    assert threading.get_ident() not in seen.values()
    assert torch.get_num_threads() == threads
    later: list[int] = []
    other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert later == [threads]  # a writer of checkpoints, say, isn't left with one


def test_the_first_error_in_order_is_raised_when_all_have_ended():
    ended = []

    def work(index, wait):
        time.sleep(wait)
        ended.append(index)
        if index in (1, 2):
            raise UserError(f"number {index}")

    delays = {0: 0.0, 1: 0.03, 2: 0.0}
    with pytest.raises(UserError, match="number 1"):
        lanes.run([functools.partial(work, *delay) for delay in delays.items()], 3)
    assert sorted(ended) == [0, 1, 2]


def test_how_many_lanes_there_are(monkeypatch, model, threads):
    assert lanes.count(model, CPU) == threads
    monkeypatch.setattr(devices, "on_cpu", lambda _: False)
    assert lanes.count(model, CPU) == 1
    monkeypatch.undo()
    monkeypatch.setattr(lanes, "is_sharded", lambda _: True)
    assert lanes.count(model, CPU) == 1


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
@pytest.mark.parametrize("micro_rows", [0, 3])
def test_a_steps_gradients_are_those_of_one_lane(monkeypatch, model, threads, rows, micro_rows):
    batch, config = batch_of(rows), LoopConfig(micro_rows=micro_rows)
    given = next_token.step_loss(model, batch, config)
    at_once = -(-(micro_rows or rows) // threads)
    assert len(given.terms) == -(-rows // at_once)
    loss, found = gradients(model, given)
    again, same = gradients(model, next_token.step_loss(model, batch, config))
    assert loss == again
    assert all(torch.equal(a, b) for a, b in zip(found, same))
    monkeypatch.setattr(lanes, "count", lambda *_: 1)
    whole = next_token.step_loss(model, batch, LoopConfig())
    assert len(whole.terms) == 1
    expected_loss, expected = gradients(model, whole)
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    assert len(found) == len(expected) == len(list(model.parameters()))
    for gradient, one in zip(found, expected):
        torch.testing.assert_close(gradient, one, rtol=1e-4, atol=1e-6)


def test_what_a_lane_does_not_use_has_no_gradient_or_the_others(threads):
    """As without lanes: None where no term uses a parameter, so that nothing moves it."""
    model = torch.nn.ParameterDict({name: torch.ones(2) for name in "abc"})
    terms = [
        lambda: (model["a"] * 2.0).sum(),
        lambda: (model["b"] * 3.0).sum(),
        lambda: torch.tensor(5.0),  # nothing to learn from
        lambda: (model["a"] * 4.0).sum(),
    ]
    value, _ = gradients(model, StepLoss(terms, normalizer=2.0, tokens=1))
    assert value == (4.0 + 6.0 + 5.0 + 8.0) / 2.0
    assert model["a"].grad.tolist() == [3.0, 3.0]
    assert model["b"].grad.tolist() == [1.5, 1.5]
    assert model["c"].grad is None


def test_answers_are_dealt_out_to_lanes_by_length(monkeypatch, model, threads):
    rollouts = [answer_of(1 + index % 9) for index in range(11)]
    seen = []
    monkeypatch.setattr(policy_gradient, "collate", lambda part, *_: seen.append(list(part)))
    loss = policy_gradient.PolicyLoss(torch.zeros(()), torch.zeros(0), torch.zeros(0))
    monkeypatch.setattr(policy_gradient, "policy_loss", lambda *_: loss)
    rule = policy_gradient.UpdateRule(1.0, 0, RatioBounds(2.0), chunk_tokens=64)
    terms = policy_gradient.policy_terms(model, rollouts, rule, micro_rows=8)
    for term in terms:
        term()
    lengths = [[len(r.tokens) for r in part] for part in seen]
    ordered = sorted(1 + index % 9 for index in range(11))
    batches = [ordered[:8], ordered[8:]]
    assert lengths == [batch[lane::threads] for batch in batches for lane in range(threads)]


def answer_of(length):
    task = tasks.Task("1 + 1?", "2", "sum", 1)
    return Rollout(task, 0, [1, 2], [3] * length, [-1.0] * length, "", True, 1.0, 0.5, "correct")


def test_matrices_of_an_update_are_shared_out(threads):
    """Whatever share a matrix falls into, also where there are fewer of them than lanes."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"a": (8, 4), "b": (4, 8), "c": (4, 8), "d": (6, 6), "e": (8, 4), "f": (4, 8)}
    weights = {
        name: torch.nn.Parameter(torch.randn(shape, generator=generator))
        for name, shape in shapes.items()
    }
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    for weight in weights.values():
        weight.grad = torch.randn(weight.shape, generator=generator)
    config = OptimizerConfig(matrix_lr=0.1, weight_decay=0.0, momentum_warmup_steps=0)
    optimizers.Optimizer(weights, [], config).step(0.5)
    for name, weight in weights.items():
        rows, cols = weight.shape
        assert weight.grad is not None
        update = orthogonalize(weight.grad[None])[0] * max(1.0, rows / cols) ** 0.5
        torch.testing.assert_close(
            weight.detach(), before[name] - 0.05 * update, rtol=1e-5, atol=1e-6
        )


def test_a_table_that_another_lane_made_too_short_is_not_taken(monkeypatch, model):
    """Answers differ in length: another lane may keep a shorter table of angles meanwhile."""
    tokens = batch_of(2).tokens
    expected = model.hidden(tokens)
    model._rotary = {}
    make = transformer.rotary_tables

    def beside(needed, *rest):
        made = make(needed, *rest)

        class Shared(dict):
            def __setitem__(self, key, _):
                super().__setitem__(key, make(3, *rest))  # the other lane was last

        model._rotary = Shared()
        return made

    monkeypatch.setattr(transformer, "rotary_tables", beside)
    assert torch.equal(model.hidden(tokens), expected)
