"""What `build` hands on and what an update does: numbers by hand, every hand-over looked at."""

import dataclasses
import math

import pytest
import torch

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.rl import rollouts as rolls
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.stage import SILENT
from pipeline.training import distribution
from pipeline.training.config import OptimizerConfig
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=5,
    prompts_per_step=4,
    answers_per_prompt=3,
    max_new_tokens=10,
    digits=(1, 2),
    rate_factor=0.25,
    warmup_steps=2,
    warmdown_fraction=0.6,
    final_fraction=0.1,
    temperature=0.9,
    top_k=7,
    ratio_limit=1.5,
    micro_rows=5,
    loss_chunk_tokens=17,
    max_grad_norm=0.3,
    precision="float32",
    threads=1,
    device="cpu",
)


@pytest.fixture
def easy(monkeypatch):
    monkeypatch.setattr("pipeline.rl.rollouts.check", lambda task, reply, stopped: "e" in reply)


def test_build_hands_on_what_the_recipe_says(post_training, tmp_path, easy, monkeypatch):
    """Schedule (2 steps up, the last 3 of 5 down to a tenth), rates, normalizer, sampler."""
    optimizers, updates, accumulated, drawn = [], [], [], []
    made, updated, sampled = rl.build_optimizer, rl.update, rolls.sample
    accumulate = rl.accumulate_gradients

    def build_optimizer(model, config):
        optimizers.append(config)
        return made(model, config)

    def update(model, optimizer, answers, config, **rest):
        updates.append((sum(len(r.tokens) for r in answers), config, rest))
        return updated(model, optimizer, answers, config, **rest)

    def accumulate_gradients(model, answers, **rest):
        accumulated.append((sum(len(r.tokens) for r in answers), rest))
        return accumulate(model, answers, **rest)

    def sample(engine, tokenizer, tasks, config, **rest):
        drawn.append((config, rest))
        return sampled(engine, tokenizer, tasks, config, **rest)

    monkeypatch.setattr(rl, "build_optimizer", build_optimizer)
    monkeypatch.setattr(rl, "update", update)
    monkeypatch.setattr(rl, "accumulate_gradients", accumulate_gradients)
    monkeypatch.setattr(rolls, "sample", sample)
    rl.build(tmp_path, {"sft": [post_training.chat]}, CONFIG, SILENT, tmp_path)

    (rates,) = optimizers
    whole = OptimizerConfig()
    for name in ("matrix_lr", "embedding_lr", "head_lr", "gain_lr", "table_lr"):
        assert getattr(rates, name) == pytest.approx(0.25 * getattr(whole, name)), name
    assert dataclasses.replace(rates, **{n: 0.0 for n in vars(whole) if n.endswith("_lr")}) == (
        dataclasses.replace(whole, **{n: 0.0 for n in vars(whole) if n.endswith("_lr")})
    )
    # Up: 1/2, 2/2. Down over 0.6 * 5 = 3 steps: 0.1 + 0.9 * (steps left / 3), 1 at most.
    scales = [0.5, 1.0, 0.7, 0.4, 0.1]
    assert [rest["scale"] for _, _, rest in updates] == pytest.approx(scales)
    for tokens, config, rest in updates:
        assert rest["total_tokens"] == tokens > 0
        assert config is CONFIG
    for tokens, rest in accumulated:
        assert rest == {
            "temperature": 0.9,
            "top_k": 7,
            "ratio_limit": 1.5,
            "normalizer": tokens,
            "micro_rows": 5,
            "chunk_tokens": 17,
        }
    assert [config for config, _ in drawn] == [CONFIG] * 5
    assert [rest["seed"] for _, rest in drawn] == list(range(5))
    metrics = read_table(tmp_path / "metrics.parquet").to_pylist()
    assert [row["lr"] for row in metrics] == pytest.approx([0.25 * 0.02 * s for s in scales])


class Answers:
    """Stands for a policy gradient: leaves the slopes it was told to leave."""

    def __init__(self, monkeypatch, slopes, loss=1.25):
        def accumulate(model, answers, **_):
            for parameter, slope in zip(model.parameters(), slopes, strict=True):
                parameter.grad = None if slope is None else torch.full_like(parameter, slope)
            return loss

        monkeypatch.setattr(rl, "accumulate_gradients", accumulate)


class Stepped:
    """An optimizer that keeps what it is given."""

    def __init__(self, model):
        self.model, self.seen = model, []

    def parameters(self):
        return list(self.model.parameters())

    def step(self, scale):
        slopes = [None if p.grad is None else p.grad.clone() for p in self.parameters()]
        self.seen.append((scale, slopes))

    def clear_gradients(self):
        for parameter in self.parameters():
            parameter.grad = None


class Tiny(torch.nn.Module):
    """4 + 9 + 2 numbers."""

    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        for name, size in (("a", 4), ("b", 9), ("c", 2)):
            setattr(self, name, torch.nn.Parameter(torch.zeros(size)))


@pytest.mark.parametrize(
    ("most", "factor"),
    [(0.0, 1.0), (5.0, 1.0), (5.1, 1.0), (2.5, 0.5), (1.0, 0.2)],
)
def test_clipping_by_hand(monkeypatch, most, factor):
    """Slopes 2 (4 times) and 1 (9 times): the norm is sqrt(16 + 9) = 5. None is not touched."""
    model = Tiny()
    Answers(monkeypatch, [2.0, 1.0, None])
    optimizer = Stepped(model)
    config = dataclasses.replace(CONFIG, max_grad_norm=most)
    found = rl.update(model, optimizer, [], config, total_tokens=8.0, scale=0.7)
    assert found == (1.25, pytest.approx(5.0))  # what is reported is not clipped
    ((scale, (a, b, c)),) = optimizer.seen
    assert scale == 0.7
    assert a.tolist() == pytest.approx([2.0 * factor] * 4)
    assert b.tolist() == pytest.approx([1.0 * factor] * 9)
    assert c is None
    assert all(parameter.grad is None for parameter in model.parameters())


def test_without_a_slope_there_is_no_step_and_without_a_number_no_run(monkeypatch):
    model = Tiny()
    optimizer = Stepped(model)
    Answers(monkeypatch, [0.0, 0.0, None], loss=0.0)
    assert rl.update(model, optimizer, [], CONFIG, total_tokens=8.0, scale=1.0) == (0.0, 0.0)
    for slopes, loss in (([math.nan, 0.0, None], 1.0), ([1.0, 0.0, None], math.inf)):
        Answers(monkeypatch, slopes, loss)
        with pytest.raises(UserError, match=r"lower rl\.rate_factor"):
            rl.update(model, optimizer, [], CONFIG, total_tokens=8.0, scale=1.0)
    assert optimizer.seen == []


def test_losses_and_slopes_are_summed_over_processes(monkeypatch):
    """Of two processes that found the same: slopes 2 and 1 become 4 and 2, the norm 10."""

    def doubled(parameters):
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad *= 2

    monkeypatch.setattr(distribution, "sum_gradients", doubled)
    monkeypatch.setattr(distribution, "sum_numbers", lambda values, _: [2 * v for v in values])
    model = Tiny()
    Answers(monkeypatch, [2.0, 1.0, None])
    optimizer = Stepped(model)
    config = dataclasses.replace(CONFIG, max_grad_norm=0.0)
    found = rl.update(model, optimizer, [], config, total_tokens=8.0, scale=1.0)
    assert found == (2.5, pytest.approx(10.0))
    assert optimizer.seen[0][1][0].tolist() == [4.0] * 4


def test_processes_share_the_prompts_and_find_what_one_would(post_training, monkeypatch):
    model, tokenizer = models.load(post_training.chat)
    config = dataclasses.replace(CONFIG, prompts_per_step=6, precision="float32")
    alone = rl.step_rollouts(model, tokenizer, config, 3)
    assert [r.group for r in alone] == [group for group in range(6) for _ in range(3)]
    shared = []
    for rank in range(3):
        monkeypatch.setattr(distribution, "world", lambda: 3)
        monkeypatch.setattr(distribution, "rank", lambda rank=rank: rank)
        mine = rl.step_rollouts(model, tokenizer, config, 3)
        assert {r.group for r in mine} == {2 * rank, 2 * rank + 1}
        shared += mine
    assert len(shared) == len(alone)
    for one, other in zip(alone, shared):
        assert (one.group, one.task, one.tokens) == (other.group, other.task, other.tokens)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
    others = rl.step_rollouts(model, tokenizer, config, 4)
    assert {r.task.prompt for r in others} != {r.task.prompt for r in shared}


def test_the_normalizer_counts_the_answers_of_all_processes(
    post_training, tmp_path, easy, monkeypatch
):
    """Two processes with the same numbers of tokens: each divides by twice what it sees."""
    normalizers = []
    accumulate = rl.accumulate_gradients

    def accumulate_gradients(model, answers, **rest):
        normalizers.append((sum(len(r.tokens) for r in answers), rest["normalizer"]))
        return accumulate(model, answers, **rest)

    monkeypatch.setattr(rl, "accumulate_gradients", accumulate_gradients)
    monkeypatch.setattr(distribution, "sum_numbers", lambda values, _: [2 * v for v in values])
    config = dataclasses.replace(CONFIG, steps=2)
    rl.build(tmp_path, {"sft": [post_training.chat]}, config, SILENT, tmp_path)
    assert len(normalizers) == 2
    for mine, all_together in normalizers:
        assert all_together == 2 * mine


def test_the_update_is_made_in_training_mode(post_training, monkeypatch):
    model, _ = models.load(post_training.chat)
    assert isinstance(model, Transformer)
    Answers(monkeypatch, [0.0 for _ in model.parameters()], 0.0)
    model.eval()
    rl.update(model, Stepped(model), [], CONFIG, total_tokens=1.0, scale=1.0)
    assert model.training
