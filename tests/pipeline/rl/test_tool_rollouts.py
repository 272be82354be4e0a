"""Answers that call tools: what was drawn, what it is worth, and that outputs teach nothing."""

import dataclasses
import random

import pytest
import torch
from scripted_model import ScriptedEngine
from toy_rl import reinforce

from pipeline import model as models
from pipeline.chat.conversation import assistant, render, user
from pipeline.curriculum.task_kinds import ALL_KINDS
from pipeline.curriculum.tasks import draw, draw_at, sum_task
from pipeline.model.engine import Engine
from pipeline.rl import policy_gradient as pg
from pipeline.rl import policy_update, rollout_figures, tool_rollouts
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.sampled_batch import Sampler
from pipeline.tools.named_tools import named
from pipeline.tools.toolbox import NO_TOOLS
from storage.errors import UserError
from storage.schemas import ROLLOUTS
from storage.tables import read_table, table

CONFIG = RlConfig(
    steps=2,
    prompts_per_step=3,
    answers_per_prompt=4,
    max_new_tokens=60,
    temperature=0.5,
    tasks=("sum:1=1",),
    tools=("calculator",),
    rehearsal_rows=0,
    rate_factor=1.0,
    precision="float32",
    threads=1,
    device="cpu",
    checkpoint_seconds=0.0,
)
TASKS = draw(3, CONFIG.tasks, random.Random(0))


@pytest.fixture(scope="module")
def policy(tool_model):
    return models.load(tool_model)


def sampled(policy, **changes):
    model, tokenizer = policy
    config = dataclasses.replace(CONFIG, **changes)
    with named(config.tools) as box:
        return tool_rollouts.sample(
            Engine(model), tokenizer, TASKS, config, 5, (6, 7, 8), toolbox=box
        )


@pytest.fixture(scope="module")
def found(policy):
    return sampled(policy)


def test_outputs_are_in_the_tokens_and_not_in_the_counts(found, policy):
    tokenizer = policy[1]
    assert [r.group for r in found] == [6] * 4 + [7] * 4 + [8] * 4
    called = [r for r in found if not all(r.drawn)]
    assert len(called) > 4
    for r in found:
        assert len(r.tokens) == len(r.logprobs) == len(r.drawn)
        assert r.length == sum(r.drawn) <= CONFIG.max_new_tokens
        assert all((p == 0.0) >= (not own) for p, own in zip(r.logprobs, r.drawn))
    output = tokenizer.special("<tool_response>")
    for r in called:
        assert output in r.tokens
        assert not any(own for token, own in zip(r.tokens, r.drawn) if token == output)
        assert '"calculator"' in r.text
    rows = rolls.rows(1, found)
    table(rows, ROLLOUTS)
    assert [row["length"] for row in rows] == [r.length for r in found]
    assert rollout_figures.summarize(rows)["tokens"] == sum(map(sum, (r.drawn for r in found)))


def test_the_trainer_agrees_on_what_was_drawn(found, policy):
    """Its log-probabilities under the same context, outputs read: the sampler's."""
    batch = pg.collate([dataclasses.replace(r, advantage=1.0) for r in found])
    with torch.no_grad():
        nats = pg.policy_loss(policy[0], batch, policy_update.update_rule(CONFIG)).nats
    own = [p for r in found for p, mine in zip(r.logprobs, r.drawn) if mine]
    assert int(batch.mask.sum()) == len(own) == sum(r.length for r in found)
    assert (-nats - torch.tensor(own)).abs().max() < 1e-4


def test_what_stands_in_an_outputs_place_as_target_changes_no_gradient(found, policy):
    model = policy[0]
    answers = [dataclasses.replace(r, advantage=float(n % 3 - 1)) for n, r in enumerate(found)]
    batch = pg.collate(answers)
    torch.manual_seed(0)
    others = torch.randint_like(batch.targets, model.config.vocab_size)
    swapped = batch._replace(targets=torch.where(batch.mask, batch.targets, others))
    forced = torch.zeros_like(batch.mask)
    for row, r in enumerate(answers):
        start = len(r.prompt) - 1
        forced[row, start : start + len(r.drawn)] = ~torch.tensor(r.drawn)
    assert int(forced.sum()) > 50  # of outputs; and some of them are swapped:
    assert (swapped.targets != batch.targets)[forced].any()
    assert not (batch.mask & forced).any()
    gradients = []
    for one in (batch, swapped):
        model.zero_grad()
        pg.policy_loss(model, one, policy_update.update_rule(CONFIG)).total.backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    model.zero_grad(set_to_none=True)
    assert all(torch.equal(a, b) for a, b in zip(*gradients))
    assert any(g.abs().max() > 0 for g in gradients[0])


def test_only_the_final_answer_is_paid_for(policy, monkeypatch):
    judged: list[str] = []

    def judge(task, reply, stopped):
        judged.extend([reply] if stopped else [])
        return "correct" if stopped else "wrong"

    monkeypatch.setattr(rolls, "judge", judge)
    free, dear = sampled(policy), sampled(policy, call_cost=0.25)
    assert judged
    assert not any("expression" in text or "tool_response" in text for text in judged)
    assert [r.tokens for r in free] == [r.tokens for r in dear]
    calls = [r.text.count("calculator") if r.stopped else None for r in free]
    for r, costly, count in zip(free, dear, calls):
        assert r.reward == float(r.stopped)
        if count is not None:
            assert costly.reward == 1.0 - 0.25 * count
    assert any(calls)


def test_a_task_draws_the_same_whatever_else_is_in_the_batch(found, policy):
    model, tokenizer = policy
    with named(CONFIG.tools) as box:
        engine = Engine(model)
        alone = tool_rollouts.sample(engine, tokenizer, TASKS[1:2], CONFIG, 5, (7,), toolbox=box)
    assert [(r.tokens, r.logprobs) for r in alone] == [(r.tokens, r.logprobs) for r in found[4:8]]


def test_a_context_without_room_for_the_tools_is_one_line(policy):
    tokenizer = policy[1]
    with named(("calculator", "python")) as box:
        left = tool_rollouts.room(400, box, tokenizer)
        assert 0 < left < 250
        with pytest.raises(UserError, match=r"what the tools are takes \d+ tokens .* of 150"):
            tool_rollouts.room(150, box, tokenizer)
    assert tool_rollouts.room(150, NO_TOOLS, tokenizer) == 150


def test_without_tools_rollouts_are_the_plain_ones(policy):
    model, tokenizer = policy
    config = dataclasses.replace(CONFIG, tools=())
    groups = (6, 7, 8)
    plain = rolls.sample(Engine(model), tokenizer, TASKS, config, 5, groups)
    stepped, _ = Sampler(model, tokenizer, config).sample(0)
    assert {r.drawn for r in (*plain, *stepped)} == {()}
    same = tool_rollouts.sample(
        Engine(model), tokenizer, TASKS, config, 5, groups, toolbox=NO_TOOLS
    )
    uncalled = [(a, b) for a, b in zip(plain, same) if all(b.drawn)]  # a call of nothing is told so
    assert uncalled
    for a, b in uncalled:
        assert (a.tokens, a.logprobs, a.reward) == (b.tokens, b.logprobs, b.reward)


def run(tool_model, out, config=CONFIG):
    return reinforce(tool_model, out, config)


@pytest.mark.usefixtures("torch_restored")
def test_the_stage_draws_with_tools_and_is_the_same_each_time(tool_model, tmp_path):
    first, again = run(tool_model, tmp_path / "a"), run(tool_model, tmp_path / "b")
    assert first == again
    for name in ("rollouts.parquet", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    rows = read_table(tmp_path / "a" / "rollouts.parquet").to_pylist()
    assert sum("tool_response" in row["completion"] for row in rows) > 4
    assert first["tokens"] == sum(row["length"] for row in rows)


def test_settings_are_checked():
    for wrong in ({"tools": ("abacus",)}, {"tools": ("calculator",) * 2}, {"call_cost": -1.0}):
        with pytest.raises(ValueError, match=r"tools|call_cost"):
            RlConfig(**wrong)
    assert sum_task(1, "rl", random.Random(0)).kind == "sum"


TALKS = draw_at(2, lambda place: ("running_sum", 2 + place), "", random.Random(0), kinds=ALL_KINDS)


def talked(tokenizer, replies):
    """One answer to each of TALKS, of these replies."""
    rows = [[assistant(text) for text in row] for row in replies for _ in range(2)]
    config = dataclasses.replace(CONFIG, tools=(), max_new_tokens=120, answers_per_prompt=2)
    engine = ScriptedEngine(tokenizer, rows)
    return tool_rollouts.sample(engine, tokenizer, TALKS, config, 5, (0, 1), toolbox=NO_TOOLS)


def test_what_the_user_says_later_is_in_the_tokens_and_not_in_the_counts(policy):
    tokenizer = policy[1]
    replies = ["1", "2"], ["3", "4", "5"]
    found = talked(tokenizer, replies)
    for r, said in zip(found[::2], replies, strict=True):
        messages = [user(r.task.prompt)]
        for reply, text in zip(said, (*r.task.later, "")):
            messages += [assistant(reply), *([user(text)] if text else [])]
        ids, mask = render(messages, tokenizer)
        after = len(tokenizer.encode("\n"))  # of the last turn
        assert r.prompt + r.tokens == ids[:-after]
        assert [0] * len(r.prompt) + [int(own) for own in r.drawn] == mask[:-after]
        assert r.length == sum(mask)
    batch = pg.collate([dataclasses.replace(r, advantage=1.0) for r in found])
    assert int(batch.mask.sum()) == sum(r.length for r in found)


def test_the_last_reply_is_judged_and_no_other(policy):
    answers = [task.answer for task in TALKS]
    right = talked(policy[1], [["0", answers[0]], ["0", "0", answers[1]]])
    assert [r.reward for r in right] == [1.0] * 4
    wrong = talked(policy[1], [[answers[0], "no"], [answers[1], answers[1], "no"]])
    assert [r.reward for r in wrong] == [0.0] * 4


def test_a_policy_without_tools_talks_in_turns_where_a_task_has_them(policy, monkeypatch):
    model, tokenizer = policy
    config = dataclasses.replace(
        CONFIG, tools=(), tasks=("running_sum:3=1", "sum:1=1"), prompts_per_step=2
    )
    found, replaced = Sampler(model, tokenizer, config).sample(0)
    assert not replaced
    assert {r.task.kind for r in found} == {"running_sum", "sum"}
    assert all(bool(r.drawn) for r in found)
    talks = [r for r in found if r.task.kind == "running_sum"]
    assert any(not all(r.drawn) for r in talks)
    assert all(all(r.drawn) for r in found if r.task.kind == "sum")
