"""What rehearsal adds to a step: the rows' mean loss times its weight, other rows each step, and a
model that keeps what no reward asks for."""

import dataclasses
import shutil
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from toy_rl import reinforce

from pipeline import model as models
from pipeline.rl import rehearsal
from pipeline.rl import train as rl
from pipeline.rl.config import RlConfig
from pipeline.sft.conversation_loader import encode
from pipeline.sft.train import answer_bits_per_byte, conversation_rows
from pipeline.stage import SILENT
from pipeline.training.config import LoopConfig
from pipeline.training.gradients import GradientSum
from pipeline.training.loss import token_loss
from pipeline.training.step import StepLoss, add_gradients
from storage.errors import UserError
from storage.tables import read_table, write_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=6,
    prompts_per_step=4,
    answers_per_prompt=4,
    max_new_tokens=12,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    rehearsal_rows=4,
    rehearsal_weight=1.0,
    precision="float32",
    threads=1,
    device="cpu",
    checkpoint_seconds=0.0,
)


def run(post_training, out, config=CONFIG, progress=SILENT, scratch=None):
    learned = [post_training.conversations]
    return reinforce(post_training.chat, out, config, progress, scratch, conversations=learned)


def conversations_of(post_training):
    tokenizer = models.load(post_training.chat)[1]
    return rehearsal.given([post_training.conversations], 4, 192, tokenizer, 0)


@pytest.mark.parametrize("micro_rows", [0, 1, 3])
def test_the_loss_gains_the_weighted_mean_of_the_rows(post_training, micro_rows):
    model, _ = models.load(post_training.chat)
    conversations = conversations_of(post_training)
    batch = conversations.batch(7)
    mean = token_loss(model, batch)[0] / batch.loss_mask.sum()
    mean.backward()
    expected = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)

    sums = GradientSum(model, list(model.parameters()))
    loop = LoopConfig(micro_rows=micro_rows)
    terms = rehearsal.terms(model, conversations, 7, weight=0.3, normalizer=55.0, loop=loop)
    value, gradients = add_gradients(
        sums, StepLoss(terms, normalizer=55.0, tokens=55), model.device
    )
    assert value == pytest.approx(0.3 * mean.item(), rel=1e-5)
    names = [name for name, _ in model.named_parameters()]
    assert len(expected) == len(names) == len(gradients)
    for name, gradient in zip(names, gradients):
        torch.testing.assert_close(gradient, 0.3 * expected[name], rtol=1e-4, atol=1e-7)


def test_each_batch_has_rows_of_its_own_and_none_is_of_the_validation_split(post_training):
    conversations = conversations_of(post_training)
    batches = [conversations.batch(number).tokens for number in range(3)]
    assert all(len(tokens) == 4 for tokens in batches)
    assert not torch.equal(batches[0], batches[1])
    assert torch.equal(batches[1], conversations.batch(1).tokens)
    rows = conversation_rows([post_training.conversations])
    train = [row for row in rows if row["split"] == "train"]
    assert 0 < len(train) < len(rows)
    assert len(conversations.parts) + conversations.left_out == len(train)


def test_nothing_to_rehearse(post_training):
    tokenizer = models.load(post_training.chat)[1]
    assert rehearsal.given([], 4, 192, tokenizer, 0) is None
    assert rehearsal.given([post_training.conversations], 0, 192, tokenizer, 0) is None


def test_another_tokenizers_conversations_are_refused(post_training, tmp_path):
    shutil.copytree(post_training.conversations, tmp_path / "other")
    file = tmp_path / "other" / "conversations.parquet"
    table = read_table(file)
    at = table.schema.get_field_index("loss_spans")
    moved = [[[a + 1, b + 1] for a, b in spans] for spans in table["loss_spans"].to_pylist()]
    field = table.schema.field(at)
    write_table(table.set_column(at, field, pa.array(moved, field.type)), file)
    tokenizer = models.load(post_training.chat)[1]
    with pytest.raises(UserError, match="another tokenizer"):
        rehearsal.given([tmp_path / "other"], 4, 192, tokenizer, 0)


def test_what_is_rehearsed_is_learned_and_without_it_is_not(post_training, tmp_path, easy):
    config = dataclasses.replace(CONFIG, steps=12)
    run(post_training, tmp_path / "with", config)
    run(post_training, tmp_path / "without", dataclasses.replace(config, rehearsal_rows=0))
    rows = [
        row
        for row in conversation_rows([post_training.conversations])
        if row["split"] == "validation"
    ]
    lost = {}
    for name in ("with", "without"):
        model, tokenizer = models.load(tmp_path / name)
        parts = [part for part in encode(rows, tokenizer) if len(part.tokens) <= 192]
        lost[name] = answer_bits_per_byte(model, parts, tokenizer)
    assert lost["with"] < 0.8 * lost["without"]
    rollouts = read_table(tmp_path / "with" / "rollouts.parquet")
    assert pc.max(rollouts["step"]).as_py() == 12


def test_a_step_hands_on_the_recipes_weight_its_number_and_the_answers_tokens(
    post_training, tmp_path, easy, monkeypatch
):
    handed = []
    made = rehearsal.terms

    def terms(model, conversations, number, **rest):
        handed.append((number, rest.pop("loop").steps, rest))
        return made(model, conversations, number, **rest, loop=LoopConfig())

    monkeypatch.setattr(rehearsal, "terms", terms)
    run(post_training, tmp_path / "rl", dataclasses.replace(CONFIG, steps=2, rehearsal_weight=0.4))
    rollouts = read_table(tmp_path / "rl" / "rollouts.parquet").to_pylist()
    tokens = [sum(row["length"] for row in rollouts if row["step"] == step) for step in (1, 2)]
    assert handed == [
        (number, 2, {"weight": 0.4, "normalizer": tokens[number]}) for number in (0, 1)
    ]


def test_a_killed_run_ends_in_the_same_bytes(post_training, tmp_path, easy, killed_after):
    whole = run(post_training, tmp_path / "whole")
    scratch = tmp_path / "scratch"
    for steps in (2, 2):
        with pytest.raises(KeyboardInterrupt):
            run(post_training, tmp_path / "out", CONFIG, killed_after(steps), scratch)
    assert run(post_training, tmp_path / "out", CONFIG, SILENT, scratch) == whole
    for name in ("model.safetensors", "metrics.parquet", "rollouts.parquet"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.parametrize("name", ["prompts_per_step", "rehearsal_rows"])
def test_processes_that_cannot_share_them_are_refused(name, monkeypatch):
    monkeypatch.setattr("pipeline.training.distribution.world", lambda: 3)
    shared: dict[str, Any] = {"prompts_per_step": 6, "rehearsal_rows": 6}
    rl.check_shared(RlConfig(**shared))
    with pytest.raises(UserError, match=f"rl.{name} is 8: it must be a multiple of the 3"):
        rl.check_shared(RlConfig(**shared | {name: 8}))
