"""What `build` hands on to the loop, to the sampler and to the policy gradient."""

import dataclasses
import itertools
import math
from typing import Any

import pytest

from pipeline import model as models
from pipeline.rl import policy_gradient, policy_update, sampled_batch
from pipeline.rl import rollouts as rolls
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.rl.objectives import OBJECTIVES, RatioBounds
from pipeline.rl.policy_gradient import UpdateRule
from pipeline.rl.sampled_batch import Sampler
from pipeline.stage import SILENT
from pipeline.training import distribution, optimizers
from pipeline.training.config import LoopConfig, OptimizerConfig
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=5,
    prompts_per_step=4,
    answers_per_prompt=3,
    max_new_tokens=10,
    tasks=("sum:1-2=1",),
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


def test_build_hands_on_what_the_recipe_says(post_training, tmp_path, monkeypatch):
    """Schedule (2 steps up, the last 3 of 5 down to a tenth), rates, normalizer, sampler."""
    # Every other answer is right, so that each step has something to learn, by whatever draws.
    turns = itertools.count()
    monkeypatch.setattr("pipeline.rl.rollouts.check", lambda *_: next(turns) % 2 == 0)
    configs, scales, learned, drawn = [], [], [], []
    made, sampled, terms = optimizers.build_optimizer, rolls.sample, policy_gradient.policy_terms
    loss = policy_update.step_loss

    def build_optimizer(model, config):
        configs.append(config)
        optimizer = made(model, config)
        step = optimizer.step

        def noted(scale):
            scales.append(scale)
            step(scale)

        monkeypatch.setattr(optimizer, "step", noted)
        return optimizer

    def policy_terms(model, answers, *rest):
        assert model.training
        learned.append((sum(len(r.tokens) for r in answers), rest[:2]))
        return terms(model, answers, *rest)

    def step_loss(*given, **more):
        found = loss(*given, **more)
        assert found.normalizer == found.tokens == learned[-1][0] > 0
        return found

    def sample(engine, tokenizer, tasks, config, **rest):
        drawn.append((config, rest))
        return sampled(engine, tokenizer, tasks, config, **rest)

    monkeypatch.setattr(rl, "build_optimizer", build_optimizer)
    monkeypatch.setattr(policy_update, "policy_terms", policy_terms)
    monkeypatch.setattr(rl, "step_loss", step_loss)
    monkeypatch.setattr(rolls, "sample", sample)
    rl.build(tmp_path, {"sft": [post_training.chat]}, CONFIG, SILENT, tmp_path)

    (rates,) = configs
    whole = OptimizerConfig()
    for name in ("matrix_lr", "embedding_lr", "head_lr", "gain_lr", "table_lr"):
        assert getattr(rates, name) == pytest.approx(0.25 * getattr(whole, name)), name
    no_rates: dict[str, Any] = {n: 0.0 for n in vars(whole) if n.endswith("_lr")}
    assert dataclasses.replace(rates, **no_rates) == dataclasses.replace(whole, **no_rates)
    # Up: 1/2, 2/2. Down over 0.6 * 5 = 3 steps: 0.1 + 0.9 * (steps left / 3), 1 at most.
    expected = [0.5, 1.0, 0.7, 0.4, 0.1]
    assert scales == pytest.approx(expected)
    rule = UpdateRule(0.9, 7, RatioBounds(1.5), 17, OBJECTIVES["reinforce"])
    assert [rest for _, rest in learned] == [(rule, 5)] * 5
    assert [config for config, _ in drawn] == [CONFIG] * 5
    assert [rest["seed"] for _, rest in drawn] == list(range(5))
    metrics = read_table(tmp_path / "metrics.parquet").to_pylist()
    assert [row["lr"] for row in metrics] == pytest.approx([0.25 * 0.02 * s for s in expected])
    assert [row["tokens"] for row in metrics] == [
        sum(tokens for tokens, _ in learned[: step + 1]) for step in range(5)
    ]


def test_the_loop_gets_every_setting_of_its_name():
    """Each that both have, but those of batches, which the loop does not read."""
    odd: dict[str, Any] = {
        name: 2 * value + 1 if isinstance(value, int) else value * 0.5 + 0.25
        for name, value in vars(RlConfig()).items()
        if isinstance(value, int | float) and name in vars(LoopConfig())
    }
    config = RlConfig(**odd, activation_checkpointing="layers")
    given, plain = policy_update.loop_config(config), LoopConfig()
    shared = vars(plain).keys() & vars(config).keys() - {"micro_rows", "loss_chunk_tokens"}
    assert len(shared) > 12
    for name in shared:
        assert getattr(given, name) == getattr(config, name) != getattr(plain, name), name
    assert given.spike_nats == pytest.approx(math.log(config.spike_ratio))
    kept = vars(plain).keys() - shared - {"spike_nats"}
    assert {name: vars(given)[name] for name in kept} == {name: vars(plain)[name] for name in kept}


def test_processes_share_the_prompts_and_find_what_one_would(post_training, monkeypatch):
    model, tokenizer = models.load(post_training.chat)
    config = dataclasses.replace(CONFIG, prompts_per_step=6, precision="float32")
    sampler = Sampler(model, tokenizer, config)
    alone, _ = sampler.sample(3)
    assert [r.group for r in alone] == [group for group in range(6) for _ in range(3)]
    shared = []
    for rank in range(3):
        monkeypatch.setattr(distribution, "world", lambda: 3)
        monkeypatch.setattr(distribution, "rank", lambda rank=rank: rank)
        mine, _ = sampler.sample(3)
        assert {r.group for r in mine} == {2 * rank, 2 * rank + 1}
        shared += mine
    assert len(shared) == len(alone)
    for one, other in zip(alone, shared):
        assert (one.group, one.task, one.tokens) == (other.group, other.task, other.tokens)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
    others, _ = sampler.sample(4)
    assert {r.task.prompt for r in others} != {r.task.prompt for r in shared}


def test_seeds_of_runs_and_steps_are_apart(monkeypatch):
    """A million and three times the run's seed, and the batch's number; 4 of 12 prompts a process
    of three."""
    drawn = []

    def sample(engine, tokenizer, tasks, config, seed, groups, draw):
        drawn.append((len(tasks), seed, groups))
        return []

    monkeypatch.setattr(sampled_batch, "Engine", lambda model: None)
    monkeypatch.setattr(rolls, "sample", sample)
    monkeypatch.setattr(distribution, "world", lambda: 3)
    monkeypatch.setattr(distribution, "rank", lambda: 2)
    unused: Any = None  # model and tokenizer: the stand-ins look at neither
    for seed, number in ((0, 7), (1, 0), (3, 5)):
        config = dataclasses.replace(CONFIG, prompts_per_step=12, seed=seed)
        Sampler(unused, unused, config).sample(number)
    places = [8, 9, 10, 11]
    assert drawn == [(4, 7, places), (4, 1_000_003, places), (4, 3_000_014, places)]


def test_the_normalizer_counts_the_answers_of_all_processes(
    post_training, tmp_path, easy, monkeypatch
):
    """Two processes with the same numbers of tokens: each divides by twice what it sees."""
    monkeypatch.setattr(distribution, "sum_numbers", lambda values, _: [2 * v for v in values])
    model, tokenizer = models.load(post_training.chat)
    loss = policy_update.step_loss(Sampler(model, tokenizer, CONFIG), None, tmp_path, SILENT, 0, 0)
    (file,) = (tmp_path / "rollouts").iterdir()
    mine = sum(read_table(file)["length"].to_pylist())
    assert loss.normalizer == loss.tokens == 2 * mine > 0
