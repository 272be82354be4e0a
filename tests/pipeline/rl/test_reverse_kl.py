"""The divergence and its gradients are those of the formula, and no logits exist all at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from largest_tensor import Largest
from torch import Tensor

from pipeline.rl.reverse_kl import Predictions, reverse_kl

WIDTH, TEACHER_WIDTH, VOCAB = 6, 9, 17


def predictions(positions: int, width: int, seed: int, scale: float = 1.0) -> Predictions:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return scale * torch.randn(*shape, generator=generator)

    return Predictions(drawn(positions, width), drawn(VOCAB, width), drawn(VOCAB))


def by_autograd(student: Predictions, teacher: Predictions, temperature: float) -> Tensor:
    """[positions], from the definition."""
    ours, theirs = (
        ((p.hidden.double() @ p.head.double().T + p.bias.double()) / temperature).softmax(1)
        for p in (student, teacher)
        if p.bias is not None
    )
    return (ours * (ours / theirs).log()).sum(1)


@settings(max_examples=25, deadline=None)
@given(
    positions=st.integers(1, 9),
    chunk=st.integers(1, 10),
    temperature=st.floats(0.3, 3.0),
    seed=st.integers(0, 10_000),
    factor=st.floats(-2.0, 2.0),
)
def test_value_and_gradients_are_the_formulas(positions, chunk, temperature, seed, factor):
    student = predictions(positions, WIDTH, seed)
    leaves = [t.requires_grad_() for t in student if t is not None]
    teacher = predictions(positions, TEACHER_WIDTH, seed + 1)
    total, each = reverse_kl(student, teacher, temperature, chunk)
    (factor * total).backward()
    found = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    expected = by_autograd(student, teacher, temperature)
    (factor * expected.sum()).backward()
    torch.testing.assert_close(each.double(), expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(total.double(), expected.sum().detach(), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(found, (leaf.grad for leaf in leaves), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert not each.requires_grad


def test_it_is_the_reverse_one_and_nothing_where_both_agree():
    narrow = Predictions(torch.tensor([[10.0, 0.0]]), torch.eye(2))
    wide = Predictions(torch.tensor([[0.0, 0.0]]), torch.eye(2))
    assert float(reverse_kl(narrow, wide)[0]) == pytest.approx(0.693, abs=1e-2)  # log 2
    assert float(reverse_kl(wide, narrow)[0]) == pytest.approx(4.307, abs=1e-2)  # 5 - log 2
    assert float(reverse_kl(wide, wide)[0]) == pytest.approx(0.0, abs=1e-7)


def test_only_the_student_gets_gradients():
    student, teacher = predictions(4, WIDTH, 0), predictions(4, TEACHER_WIDTH, 1)
    ours, theirs = ([t.requires_grad_() for t in p if t is not None] for p in (student, teacher))
    reverse_kl(student, teacher)[0].backward()
    assert all(t.grad is not None and t.grad.abs().max() > 0 for t in ours)
    assert all(t.grad is None for t in theirs)


def test_far_apart_it_stays_finite():
    student, teacher = predictions(3, WIDTH, 0, 30.0), predictions(3, TEACHER_WIDTH, 1, 30.0)
    student.hidden.requires_grad_()
    total, _ = reverse_kl(student, teacher)
    total.backward()
    assert total.isfinite()
    assert student.hidden.grad is not None
    assert student.hidden.grad.isfinite().all()


def test_logits_exist_for_a_chunk_at_a_time():
    student, teacher = predictions(200, WIDTH, 0), predictions(200, TEACHER_WIDTH, 1)
    student.hidden.requires_grad_()
    with Largest() as largest:
        reverse_kl(student, teacher, chunk_tokens=10)
    assert largest.elements < 200 * VOCAB
