"""A batch: flat groups give way, whoever samples them; pass rates are those of the last batches."""

import dataclasses
from collections import Counter
from typing import Any

import pytest
from toy_rl import reinforce

from pipeline import model as models
from pipeline.rl import policy_gradient, policy_update, rollouts, sampled_batch, task_sources
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import KIND, HonestyTask
from pipeline.rl.pools import Pool
from pipeline.rl.sampled_batch import Sampler
from pipeline.stage import SILENT
from pipeline.training import distribution
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=4,
    prompts_per_step=6,
    answers_per_prompt=4,
    max_new_tokens=12,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    replacement_rounds=2,
    curriculum="pools",
    pool_batches=2,
    precision="float32",
    threads=1,
    device="cpu",
    checkpoint_seconds=0.0,
)


@pytest.fixture
def flat_but_one_level(monkeypatch):
    """Of a sum of one digit all answers are wrong, of one of two some are right."""

    def check(task, reply, stopped):
        return task.level == 2 and len(reply) % 2 == 0

    monkeypatch.setattr("pipeline.rl.rollouts.check", check)


def rates_of(level):
    return {Pool("sum", level): 0.5, Pool("sum", 3 - level): 0.0}


def is_flat(answers):
    return len({answer.reward for answer in answers}) == 1


def by_group(answers):
    groups: dict[tuple[int, int], list[Any]] = {}
    for answer in answers:
        groups.setdefault((answer.group, answer.draw), []).append(answer)
    return groups


def test_flat_groups_give_way_and_the_others_stay(post_training, flat_but_one_level):
    model, tokenizer = models.load(post_training.chat)
    sampler = Sampler(model, tokenizer, CONFIG)
    plain = Sampler(model, tokenizer, dataclasses.replace(CONFIG, replacement_rounds=0))
    before, none = plain.sample(3, {})
    assert not none
    learned, replaced = sampler.sample(3, {})
    assert [a.group for a in learned] == [group for group in range(6) for _ in range(4)]
    assert replaced
    assert all(is_flat(group) for group in by_group(replaced).values())
    first = by_group(before)
    for (group, draw), answers in by_group(learned).items():
        if draw == 0:
            assert answers == first[group, 0]
            assert not is_flat(answers)
        else:
            assert draw == 2 or not is_flat(answers)
            own = {d for g, d in by_group(replaced) if g == group}
            assert own == set(range(draw))
    kept_flat = [group for group in by_group(learned).values() if is_flat(group)]
    assert len(kept_flat) < sum(map(is_flat, first.values()))


def test_a_task_that_is_drawn_again_gets_other_answers(
    post_training, flat_but_one_level, monkeypatch
):
    model, tokenizer = models.load(post_training.chat)
    seeds, sample = [], rollouts.sample

    def spied(*given, **more):
        seeds.append(more["seed"])
        return sample(*given, **more)

    monkeypatch.setattr(rollouts, "sample", spied)
    config = dataclasses.replace(CONFIG, tasks=("sum:1=1",), seed=2)
    Sampler(model, tokenizer, config).sample(3, {})
    assert seeds == [(2 + 1_000_000_007 * draw) * 1_000_003 + 3 for draw in range(3)]


def test_whatever_the_number_of_processes(post_training, flat_but_one_level, monkeypatch):
    model, tokenizer = models.load(post_training.chat)
    sampler = Sampler(model, tokenizer, CONFIG)
    rounds = []

    def noted(values, _):
        rounds.append(list(values))
        return values

    monkeypatch.setattr(distribution, "sum_numbers", noted)
    alone = sampler.sample(3, {})
    assert rounds
    shared: tuple[list[Any], list[Any]] = ([], [])
    for rank in range(3):
        told = iter(rounds)  # what all processes together found flat, round by round
        monkeypatch.setattr(distribution, "sum_numbers", lambda *_, told=told: next(told))
        monkeypatch.setattr(distribution, "world", lambda: 3)
        monkeypatch.setattr(distribution, "rank", lambda rank=rank: rank)
        for all_found, found in zip(shared, sampler.sample(3, {})):
            all_found.extend(found)
    for mine, theirs in zip(alone, shared):
        drawn = [(a.group, a.draw, a.task, a.tokens) for a in theirs]
        assert len(drawn) == len(mine)
        for answer in mine:
            assert (answer.group, answer.draw, answer.task, answer.tokens) in drawn


def test_honestys_groups_stay(post_training, monkeypatch):
    model, tokenizer = models.load(post_training.chat)
    question = HonestyTask("Where?", "Hale", KIND, 0, aliases=("Hale",), candidates=("Hale",))
    asked = task_sources.step_tasks(CONFIG, None, 0)[:5]
    monkeypatch.setattr(sampled_batch, "step_tasks", lambda *_: [*asked, question])
    monkeypatch.setattr("pipeline.rl.rollouts.judge", lambda *_: "wrong")  # all groups are flat
    learned, replaced = Sampler(model, tokenizer, CONFIG).sample(0, {})
    assert Counter(a.group for a in replaced) == dict.fromkeys(range(5), 8)
    assert {a.draw for a in learned if a.group == 5} == {0}
    assert {a.draw for a in learned if a.group < 5} == {2}


def test_pass_rates_are_of_the_last_batches_alone(tmp_path):
    def row(step, level, kind):
        return {"step": step, "task": "sum", "level": level, "answer_type": kind}

    assert sampled_batch.recent_rates(tmp_path, 0, CONFIG) == {}
    answers = [(1, "correct"), (1, "wrong"), (2, "wrong"), (2, "correct"), (1, "correct")]
    for done, (level, kind) in enumerate(answers):
        sampled_batch.keep(tmp_path, done, [row(done + 1, level, kind)])
    assert sampled_batch.recent_rates(tmp_path, 3, CONFIG) == {
        Pool("sum", 1): 0.0,
        Pool("sum", 2): 0.0,
    }
    twice = dataclasses.replace(CONFIG, updates_per_batch=2)
    assert sampled_batch.recent_rates(tmp_path, 4, twice) == {
        Pool("sum", 1): 1.0,
        Pool("sum", 2): 0.0,
    }
    mixture = dataclasses.replace(CONFIG, curriculum="mixture")
    assert sampled_batch.recent_rates(tmp_path, 3, mixture) is None


def run(post_training, out, config=CONFIG, progress=SILENT, scratch=None):
    return reinforce(post_training.chat, out, config, progress, scratch)


def test_a_killed_run_ends_in_the_same_bytes(
    post_training, tmp_path, flat_but_one_level, killed_after
):
    whole = run(post_training, tmp_path / "whole")
    scratch = tmp_path / "scratch"
    for steps in (2, 2):
        with pytest.raises(KeyboardInterrupt):
            run(post_training, tmp_path / "out", CONFIG, killed_after(steps), scratch)
    assert run(post_training, tmp_path / "out", CONFIG, SILENT, scratch) == whole
    for name in ("model.safetensors", "metrics.parquet", "rollouts.parquet", "rl_levels.parquet"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name
    # Wasted answers are counted, once each, and learned tokens are those of what stayed.
    rows = read_table(tmp_path / "whole" / "rollouts.parquet").to_pylist()
    assert any(row["replaced"] for row in rows)
    metrics = read_table(tmp_path / "whole" / "metrics.parquet").to_pylist()
    stayed = sum(row["length"] for row in rows if not row["replaced"])
    assert whole["tokens"] == metrics[-1]["tokens"] == stayed
    assert whole["answers"] == len(rows) > 4 * 24
    for step, logged in enumerate(metrics, 1):
        groups: dict[tuple[int, int], list[Any]] = {}
        for row in rows:
            if row["step"] == step:
                groups.setdefault((row["group"], row["draw"]), []).append(row)
        flat = [of for of in groups.values() if len({row["reward"] for row in of}) == 1]
        assert logged["wasted_share"] == pytest.approx(len(flat) / len(groups))
        left = [of for of in flat if not of[0]["replaced"]]
        assert logged["flat_group_share"] == pytest.approx(len(left) / 6)
    # What is always wrong is asked more rarely than the mixture says.
    late = [row["level"] for row in rows if row["step"] > 1]
    assert Counter(late)[2] > 2 * Counter(late)[1]
    levels = read_table(tmp_path / "whole" / "rl_levels.parquet").to_pylist()
    assert sum(row["wasted_answers"] for row in levels) == whole["wasted_answers"]
    assert sum(row["answers"] for row in levels) == len(rows)


def test_cut_answers_are_masked_where_asked(post_training, tmp_path, easy, monkeypatch):
    handed = []
    terms = policy_gradient.policy_terms

    def policy_terms(model, answers, *rest):
        handed.append(answers)
        return terms(model, answers, *rest)

    monkeypatch.setattr(policy_update, "policy_terms", policy_terms)
    config = dataclasses.replace(
        CONFIG,
        steps=1,
        max_new_tokens=60,
        overlong="mask",
        curriculum="mixture",
        replacement_rounds=0,
    )
    statistics = run(post_training, tmp_path / "rl", config)
    rows = read_table(tmp_path / "rl" / "rollouts.parquet").to_pylist()
    ended = [row["length"] for row in rows if row["stopped"]]
    assert 0 < len(ended) < len(rows)
    assert statistics["tokens"] == sum(ended)
    assert [len(answer.tokens) for answer in handed[0]] == ended


def test_without_a_single_answer_that_ends_nothing_moves(post_training, tmp_path, easy):
    config = dataclasses.replace(
        CONFIG, steps=1, overlong="mask", max_new_tokens=1, replacement_rounds=0
    )
    statistics = run(post_training, tmp_path / "rl", config)
    assert statistics["tokens"] == 0
    before, _ = models.load(post_training.chat)
    after, _ = models.load(tmp_path / "rl")
    for old, new in zip(before.parameters(), after.parameters()):
        assert old.equal(new)


def test_rows_stand_in_order_of_place_and_draw(post_training, flat_but_one_level):
    model, tokenizer = models.load(post_training.chat)
    learned, replaced = Sampler(model, tokenizer, CONFIG).sample(3, {})
    rows = rollouts.rows(1, learned, replaced)
    assert [(row["group"], row["draw"]) for row in rows] == sorted(
        (answer.group, answer.draw) for answer in [*learned, *replaced]
    )
    assert sum(row["replaced"] for row in rows) == len(replaced)
