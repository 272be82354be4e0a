"""On-policy distillation: the student writes, a teacher says of each token what it would have done.

A reward is one number for a whole answer; a teacher's distribution is one for every token. So each
sampled answer adds the divergence KL(student || teacher) of its positions to the step's loss: what
the teacher wouldn't write becomes less likely where the student stands, not where the teacher would
stand (GKD of Agarwal et al. 2024, arXiv 2306.13649, with the student's own samples alone and the
reverse divergence). The teacher sees the same tokens, so it must have the same tokenizer.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.rl.kept_answers import Answers
from pipeline.rl.policy_gradient import collate, micro_batches
from pipeline.rl.reverse_kl import Predictions, reverse_kl
from pipeline.tokenizer import Tokenizer
from pipeline.training import lanes
from storage.errors import UserError


def given(
    folders: Sequence[Path], student: Transformer, tokenizer: Tokenizer
) -> Transformer | None:
    """The teacher, on the student's device; None where there is none.

    Args:
        folders: of a model that chats; none or one.
        student: that is going to learn.
        tokenizer: the student's.

    Raises:
        UserError: its tokens are others, or it reads less at once than the student.
    """
    if not folders:
        return None
    teacher, its = models.load(folders[0], student.device, student.compute_dtype)
    if (its.token_bytes, its.special_tokens) != (tokenizer.token_bytes, tokenizer.special_tokens):
        raise UserError(
            f"{folders[0]}: the teacher's tokenizer is another than the student's, so it can't"
            " judge the student's tokens: take a model of the same tokenizer, or let it answer"
            " (solutions.prompts) and fine-tune on that"
        )
    if teacher.config.max_context < student.config.max_context:
        raise UserError(
            f"{folders[0]}: the teacher reads {teacher.config.max_context} tokens at once, the"
            f" student {student.config.max_context}: take a teacher of a longer context"
        )
    return teacher.requires_grad_(False).eval()


def divergence(
    student: Transformer,
    teacher: Transformer,
    rollouts: Answers,
    *,
    tokens: int,
    temperature: float,
    chunk_tokens: int,
) -> tuple[Tensor, Tensor]:  # [], [answer tokens]
    """KL(student || teacher) over the answers' positions: the sum, and each, detached.

    Args:
        student: the policy.
        teacher: from `given`.
        rollouts: answers; their advantages don't matter.
        tokens: of the tokenizer: rows of a vocabulary beyond them stand for nothing.
        temperature: the sampler's, of both distributions.
        chunk_tokens: positions whose logits exist at the same time.
    """
    batch = collate(rollouts, student.device)
    ours = _predictions(student, batch.tokens, batch.mask, tokens)
    with torch.no_grad():
        theirs = _predictions(teacher, batch.tokens, batch.mask, tokens)
    return reverse_kl(ours, theirs, temperature, chunk_tokens)


def terms(
    student: Transformer,
    teacher: Transformer,
    rollouts: Answers,
    *,
    tokens: int,
    temperature: float,
    micro_rows: int,
    chunk_tokens: int,
) -> list[Callable[[], Tensor]]:
    """The terms that this process adds to a step's loss: micro-batches of all answers, by lanes.

    Args:
        student: the policy.
        teacher: from `given`.
        rollouts: this process' answers.
        tokens: see `divergence`.
        temperature: likewise.
        micro_rows: answers that are read at the same time, by all lanes together.
        chunk_tokens: see `divergence`.
    """

    def term(part: Answers) -> Tensor:
        return divergence(
            student,
            teacher,
            part,
            tokens=tokens,
            temperature=temperature,
            chunk_tokens=chunk_tokens,
        )[0]

    parts = micro_batches(rollouts, micro_rows, lanes.count(student, student.device))
    return [functools.partial(term, part) for part in parts]


def _predictions(model: Transformer, read: Tensor, mask: Tensor, tokens: int) -> Predictions:
    hidden, head, bias = model.read(read)  # [batch, seq, width], [vocab, width], [vocab]
    return Predictions(hidden[mask], head[:tokens], None if bias is None else bias[:tokens])
