"""On-policy distillation: whose tokens, which positions, what is learned, what is refused."""

import dataclasses
import io
import random
import shutil
from typing import Any

import pytest
import torch
from toy_artifacts import small_model
from toy_rl import reinforce

from pipeline import model as models
from pipeline.curriculum.tasks import draw
from pipeline.model.engine import Engine
from pipeline.rl import distillation, policy_update
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.mismatch import Mismatch
from pipeline.rl.policy_gradient import policy_terms
from pipeline.rl.sampled_batch import Sampler
from pipeline.sft.train import with_conversation_tokens
from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer
from pipeline.training.gradients import GradientSum
from pipeline.training.step import StepLoss, add_gradients, weighted
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=4,
    prompts_per_step=4,
    answers_per_prompt=2,
    max_new_tokens=12,
    tasks=("sum:1-2=1",),
    rate_factor=1.0,
    policy_weight=0.0,
    distillation_weight=1.0,
    precision="float32",
    threads=1,
    device="cpu",
    checkpoint_seconds=0.0,
)


@pytest.fixture
def teacher(post_training, tmp_path):
    """Another model of the same tokenizer."""
    tokenizer = Tokenizer.load(post_training.tokenizer)
    folder = tmp_path / "teacher"
    model = small_model(tokenizer.vocab_size, seed=7)
    models.save(*with_conversation_tokens(model, tokenizer), folder)
    return folder


def run(post_training, out, teacher, config=CONFIG, progress=SILENT, scratch=None):
    given = {} if teacher is None else {"teacher": [teacher]}
    return reinforce(post_training.chat, out, config, progress, scratch, **given)


def sampled(model, tokenizer):
    tasks = draw(4, ("sum:1-2=1",), random.Random(0))
    return rolls.sample(Engine(model), tokenizer, tasks, CONFIG, seed=1, groups=range(4))


def by_formula(student, teacher, answers, temperature=1.0):
    """The sum of KL(student || teacher) over the answers' tokens, from whole logits."""
    total = torch.zeros((), dtype=torch.float64)
    for one in answers:
        read = torch.tensor([one.prompt + one.tokens[:-1]])
        p, q = (
            (model(read)[0, len(one.prompt) - 1 :].double() / temperature).log_softmax(1)
            for model in (student, teacher)
        )
        assert len(p) == len(one.tokens)
        total = total + (p.exp() * (p - q)).sum()
    return total


@pytest.mark.parametrize(("micro_rows", "threads"), [(100, 1), (3, 1), (4, 2)])
def test_the_loss_is_the_weighted_mean_over_the_answers_tokens(
    post_training, teacher, micro_rows, threads
):
    student, tokenizer = models.load(post_training.chat)
    other = distillation.given([teacher], student, tokenizer)
    assert other is not None
    answers = sampled(student, tokenizer)
    expected = 0.3 * by_formula(student, other, answers) / 55.0
    expected.backward()
    slopes = {n: p.grad for n, p in student.named_parameters() if p.grad is not None}
    student.zero_grad(set_to_none=True)
    torch.set_num_threads(threads)
    terms = distillation.terms(
        student,
        other,
        answers,
        tokens=tokenizer.vocab_size,
        temperature=1.0,
        micro_rows=micro_rows,
        chunk_tokens=7,
    )
    sums = GradientSum(student, list(student.parameters()))
    value, gradients = add_gradients(
        sums, StepLoss(weighted(terms, 0.3), normalizer=55.0, tokens=55), student.device
    )
    assert value == pytest.approx(expected.item(), rel=1e-5)
    names = [name for name, _ in student.named_parameters()]
    for name, gradient in zip(names, gradients, strict=True):
        torch.testing.assert_close(gradient, slopes[name], rtol=1e-3, atol=1e-6)


def test_temperature_is_of_both_distributions(post_training, teacher):
    student, tokenizer = models.load(post_training.chat)
    other = distillation.given([teacher], student, tokenizer)
    assert other is not None
    answers = sampled(student, tokenizer)
    settings: dict[str, Any] = {"tokens": tokenizer.vocab_size, "chunk_tokens": 64}
    warm, _ = distillation.divergence(student, other, answers, temperature=2.0, **settings)
    assert float(warm) == pytest.approx(float(by_formula(student, other, answers, 2.0)), rel=1e-4)


def test_the_student_becomes_its_teacher_and_without_a_teacher_stays(
    post_training, teacher, tmp_path
):
    config = dataclasses.replace(CONFIG, steps=25, prompts_per_step=8, checkpoint_seconds=1e9)
    run(post_training, tmp_path / "distilled", teacher, config)
    metrics = read_table(tmp_path / "distilled" / "metrics.parquet").to_pylist()
    losses = [row["loss"] for row in metrics]
    assert losses[0] > 0
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3]), losses
    student, tokenizer = models.load(tmp_path / "distilled")
    before, _ = models.load(post_training.chat)
    other = distillation.given([teacher], student, tokenizer)
    answers = sampled(student, tokenizer)
    with torch.no_grad():
        assert by_formula(student, other, answers) < 0.7 * by_formula(before, other, answers)


def test_a_killed_run_ends_in_the_same_bytes(post_training, teacher, tmp_path, killed_after):
    run(post_training, tmp_path / "whole", teacher)
    with pytest.raises(KeyboardInterrupt):
        run(
            post_training,
            tmp_path / "out",
            teacher,
            CONFIG,
            killed_after(2),
            tmp_path / "scratch",
        )
    run(post_training, tmp_path / "out", teacher, CONFIG, SILENT, tmp_path / "scratch")
    for name in ("model.safetensors", "metrics.parquet", "rollouts.parquet"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_half_the_weight_of_the_policy_gradient_is_half_its_gradient(post_training, easy):
    model, tokenizer = models.load(post_training.chat)
    config = dataclasses.replace(
        CONFIG, policy_weight=1.0, distillation_weight=0.0, answers_per_prompt=4
    )

    answers, _ = Sampler(model, tokenizer, config).sample(0)

    def gradients(weight):
        terms = policy_terms(model, answers, policy_update.update_rule(config), 96, Mismatch(0.0))
        sums = GradientSum(model, list(model.parameters()))
        loss = StepLoss(weighted(terms, weight), normalizer=9.0, tokens=9)
        value, slopes = add_gradients(sums, loss, model.device)
        slopes = [slope.clone() for slope in slopes]
        model.zero_grad(set_to_none=True)
        return value, slopes

    whole, half = gradients(1.0), gradients(0.5)
    assert half[0] == pytest.approx(whole[0] / 2)
    assert any(g.abs().max() > 0 for g in whole[1])
    for ours, theirs in zip(half[1], whole[1], strict=True):
        torch.testing.assert_close(ours, theirs / 2, rtol=1e-4, atol=1e-7)


def test_a_step_weighs_both_as_its_recipe_says(post_training, teacher, tmp_path, easy):
    """Whatever the policy's loss is divided by, the teacher's is a mean over answers' tokens."""
    model, tokenizer = models.load(post_training.chat)
    other = distillation.given([teacher], model, tokenizer)
    config = dataclasses.replace(CONFIG, honesty_share=0.0, rehearsal_rows=0, answers_per_prompt=4)

    def loss(policy, divergence, objective="reinforce"):
        weighed = dataclasses.replace(
            config, objective=objective, policy_weight=policy, distillation_weight=divergence
        )
        sampler = Sampler(model, tokenizer, weighed)
        given = other if divergence else None
        step = policy_update.step_loss(sampler, None, tmp_path, SILENT, 0, 0, teacher=given)
        return sum(float(term()) for term in step.terms) / step.normalizer, step.normalizer

    answers, _ = Sampler(model, tokenizer, config).sample(0)
    tokens = sum(len(answer.tokens) for answer in answers)
    with torch.no_grad():
        mean = float(by_formula(model, other, answers)) / tokens
    whole, _ = loss(1.0, 0.0)
    assert abs(whole) > 1e-6
    assert loss(0.25, 0.0) == pytest.approx((0.25 * whole, tokens), rel=1e-4)
    assert loss(0.25, 0.5) == pytest.approx((0.25 * whole + 0.5 * mean, tokens), rel=1e-4)
    assert loss(0.0, 0.5, "grpo") == pytest.approx((0.5 * mean, len(answers)), rel=1e-4)


def test_a_teacher_alone_needs_no_right_answer(post_training, teacher, tmp_path):
    """Without rewards nobody is told that RL would learn nothing."""
    stream = io.StringIO()
    config = dataclasses.replace(CONFIG, steps=1)
    run(post_training, tmp_path / "alone", teacher, config, Progress(stream))
    assert "before training pass@1" in stream.getvalue()
    assert "would learn nothing" not in stream.getvalue()
    run(
        post_training,
        tmp_path / "both",
        teacher,
        dataclasses.replace(config, policy_weight=1.0),
        Progress(stream),
    )
    assert "would learn nothing" in stream.getvalue()


def test_a_weight_of_zero_leaves_the_policy_gradient_out(post_training, teacher, tmp_path, easy):
    """The reward may say what it will: with a teacher alone nothing hangs on it."""
    config = dataclasses.replace(CONFIG, steps=2)
    run(post_training, tmp_path / "one", teacher, config)
    kept = (tmp_path / "one" / "model.safetensors").read_bytes()
    weighed = dataclasses.replace(config, policy_weight=1.0)
    run(post_training, tmp_path / "two", teacher, weighed)
    rewards = read_table(tmp_path / "two" / "rollouts.parquet")["reward"].to_pylist()
    assert 0 < sum(rewards) < len(rewards)  # there was something to learn from
    assert (tmp_path / "two" / "model.safetensors").read_bytes() != kept


def test_what_cant_teach_is_refused(post_training, teacher, tmp_path):
    student, tokenizer = models.load(post_training.chat)
    assert distillation.given([], student, tokenizer) is None
    with pytest.raises(UserError, match=r"no teacher: name input\.teacher_model"):
        run(post_training, tmp_path / "none", None)
    with pytest.raises(UserError, match="tokenizer is another than the student's"):
        distillation.given([post_training.base], student, tokenizer)
    short = tmp_path / "short"
    shutil.copytree(teacher, short)
    config = (short / "config.json").read_text()
    assert '"max_position_embeddings": 192' in config
    (short / "config.json").write_text(
        config.replace('"max_position_embeddings": 192', '"max_position_embeddings": 96')
    )
    with pytest.raises(UserError, match=r"reads 96 tokens at once, the student 192"):
        distillation.given([short], student, tokenizer)
    RlConfig(policy_weight=0.0, distillation_weight=1.0, answers_per_prompt=1)  # needs no group
    with pytest.raises(UserError, match="answers_per_prompt: at least 2"):
        RlConfig(distillation_weight=1.0, answers_per_prompt=1)
    with pytest.raises(UserError, match="policy_weight: 0 as well as distillation_weight"):
        RlConfig(policy_weight=0.0)
