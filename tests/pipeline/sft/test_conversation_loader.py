"""Packing loses no conversation, cuts none, mixes none, and keeps every loss mask in its place."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_conversations import SLOW, conversations, drawn

from pipeline.chat.conversation import (
    Conversation,
    ToolCall,
    assistant,
    render,
    spans,
    system,
    to_row,
    tool,
    user,
)
from pipeline.sft.config import SftConfig
from pipeline.sft.conversation_loader import ConversationData, MixedData, encode
from pipeline.sft.conversations import ConversationRow
from pipeline.tokenizer import Tokenizer
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.data_loader import Batch, PretrainData, RowPart, collate
from pipeline.training.loss import token_loss
from storage.errors import UserError
from storage.tables import read_table

PAD = 0


def parts_of(lengths: list[int], seed: int) -> list[RowPart]:
    """Conversations whose tokens name them: 1000 * number + position; each teaches something."""
    generator = np.random.default_rng(seed)
    masks = [generator.integers(0, 2, length) for length in lengths]
    for mask in masks:
        mask[-1] = 1
    return [
        RowPart(1000 * (number + 1) + np.arange(len(mask)), mask)
        for number, mask in enumerate(masks)
    ]


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(2, 17), min_size=1, max_size=40),
    rows_per_step=st.integers(1, 5),
    seed=st.integers(0, 3),
)
def test_every_conversation_is_whole_and_seen_once_an_epoch(lengths, rows_per_step, seed):
    parts = parts_of(lengths, seed)
    data = ConversationData(parts, 16, rows_per_step, PAD, seed)
    epoch_rows = len(data._epoch(0))
    seen: list[int] = []
    for row in range(epoch_rows):
        batch = ConversationData(parts, 16, 1, PAD, seed).batch(row)
        assert batch.document_ids is not None
        whole = torch.cat([batch.tokens[0, :1], batch.targets[0]]).tolist()
        learned = [0, *batch.loss_mask[0].tolist()]
        at = 0
        while at < len(whole) and whole[at] != PAD:
            number = whole[at] // 1000 - 1
            part = parts[number]
            end = at + len(part.tokens)
            assert whole[at:end] == part.tokens.tolist()
            # the first token of a conversation is no target of the one before it
            assert learned[at + 1 : end] == part.learned[1:].tolist()
            ids = batch.document_ids[0, at : min(end, 16)]
            assert len(set(ids.tolist())) == 1
            seen.append(number)
            at = end
        assert not any(learned[at:])
    assert sorted(seen) == list(range(len(lengths)))


def test_a_batch_is_a_function_of_its_step_and_epochs_differ():
    parts = parts_of([5, 9, 12, 3, 7, 7, 2, 14] * 4, 0)
    one, other = (ConversationData(parts, 16, 4, PAD, 7) for _ in range(2))
    later = one.batch(9)
    for step in range(9):
        one.batch(step)
    assert torch.equal(one.batch(9).tokens, later.tokens)
    assert torch.equal(other.batch(0).tokens, one.batch(0).tokens)
    assert one._epoch(0) != one._epoch(1)


def test_too_long_conversations_are_counted_and_none_left_is_an_error():
    data = ConversationData(parts_of([5, 30], 0), 16, 1, PAD, 0)
    assert (len(data.parts), data.left_out) == (1, 1)
    with pytest.raises(UserError, match="context of 16"):
        ConversationData(parts_of([30], 0), 16, 1, PAD, 0)


def train_parts(post_training, tokenizer):
    rows = read_table(post_training.conversations / "conversations.parquet").to_pylist()
    return encode([row for row in rows if row["split"] == "train"], tokenizer)


def test_spans_of_another_tokenizer_are_refused(post_training, chat_tokenizer):
    rows = read_table(post_training.conversations / "conversations.parquet").to_pylist()
    rows[0]["loss_spans"][0][1] += 1
    with pytest.raises(UserError, match="another tokenizer"):
        encode(rows, chat_tokenizer)


def rows_of(talks: list[Conversation], tokenizer: Tokenizer) -> list[ConversationRow]:
    return [
        {
            "id": str(number),
            "source": "drawn",
            **to_row(talk),
            "loss_spans": spans(render(talk, tokenizer)[1]),
            "origin": "",
            "split": "train",
        }
        for number, talk in enumerate(talks)
    ]


ADD = ToolCall("add", '{"a": 1}')
SHORT = (
    Conversation((user("a"), assistant("b"))),
    Conversation((system("s"), user(""), assistant(""), user("c"), assistant("12"))),
    Conversation((user("1 + 2?"), assistant("", [ADD]), tool("3"), assistant("It is 3."))),
    Conversation((user("x"), assistant("So", [ADD, ADD]), tool("<|im_end|>"), tool("é"))),
    Conversation((user("nothing to learn"),)),
)


@settings(max_examples=20, suppress_health_check=SLOW)
@given(talks=st.lists(st.sampled_from(SHORT), min_size=2, max_size=8))
def test_packed_conversations_have_the_loss_and_gradient_they_have_alone(chat_model, talks):
    model, tokenizer = chat_model
    parts = encode(rows_of(talks, tokenizer), tokenizer)
    assume(any(part.learned.any() for part in parts))

    def loss_and_gradient(batches: list[Batch]) -> tuple[float, torch.Tensor]:
        model.zero_grad()
        total = torch.stack([token_loss(model, batch)[0] for batch in batches]).sum()
        total.backward()
        return float(total), torch.cat([p.grad.flatten().clone() for p in model.parameters()])

    loader = ConversationData(parts, 192, 1, PAD, seed=0)
    packed = [loader.batch(row) for row in range(len(loader._epoch(0)))]
    alone = [collate([[part]], len(part.tokens), PAD) for part in parts]
    (loss, gradient), (wanted, wanted_gradient) = map(loss_and_gradient, (packed, alone))
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert float((gradient - wanted_gradient).norm()) < 1e-5 * float(wanted_gradient.norm())


@drawn
@given(talks=st.lists(conversations(), min_size=1, max_size=8), context=st.integers(100, 400))
def test_as_many_tokens_are_trained_packed_as_before(chat_tokenizer, talks, context):
    parts = encode(rows_of(talks, chat_tokenizer), chat_tokenizer)
    kept = [part for part in parts if len(part.tokens) <= context + 1]
    assume(any(part.learned.any() for part in kept))
    data = ConversationData(parts, context, 1, PAD, seed=0)
    batches = [data.batch(row) for row in range(len(data._epoch(0)))]
    trained = sum(int(batch.loss_mask.sum()) for batch in batches)
    assert trained == sum(int(part.learned.sum()) for part in kept)
    assert data.left_out == len(parts) - len(kept)


def test_pages_are_mixed_in_by_their_share_and_learned_whole(post_training, chat_tokenizer):
    parts = train_parts(post_training, chat_tokenizer)
    mixed = MixedData(
        parts,
        post_training.tokens,
        context=96,
        rows_per_step=10,
        pretraining_share=0.3,
        pad_token=chat_tokenizer.document_token,
        seed=0,
    )
    batch = mixed.batch(0)
    start = chat_tokenizer.special("<|im_start|>")
    pages = [start not in row for row in batch.tokens.tolist()]
    assert batch.tokens.shape == (10, 96)
    assert sum(pages) == 3
    assert pages[:5] != pages[5:] or sum(pages[:5]) not in (0, 3)  # spread over the batch
    for is_page, mask in zip(pages, batch.loss_mask):
        assert (mask.float().mean() > 0.9) == is_page


def test_batches_that_grow_keep_the_share_of_pages_and_skip_no_row(post_training, chat_tokenizer):
    parts = train_parts(post_training, chat_tokenizer)
    settings_: dict[str, Any] = {"context": 96, "pretraining_share": 0.2, "pad_token": 0, "seed": 0}
    mixed = MixedData(
        parts, post_training.tokens, rows_per_step=BatchSizes((0, 3), (5, 10)), **settings_
    )
    batches = [mixed.batch(step) for step in range(5)]
    assert [len(batch.tokens) for batch in batches] == [5, 5, 5, 10, 10]
    pages = PretrainData(post_training.tokens, 96, 1, 0)
    talk = ConversationData(parts, 96, 1, 0, 0)
    # of each batch a fifth of the rows: 1, 1, 1, 2 and 2, one after another
    alone = [pages.batch(row).tokens[0].tolist() for row in range(7)]
    alone += [talk.batch(row).tokens[0].tolist() for row in range(28)]
    assert sorted(row for batch in batches for row in batch.tokens.tolist()) == sorted(alone)
    start = chat_tokenizer.special("<|im_start|>")
    counts = [sum(start not in row for row in batch.tokens.tolist()) for batch in batches]
    assert counts == [1, 1, 1, 2, 2]


def test_no_pages_at_share_zero(post_training, chat_tokenizer):
    parts = train_parts(post_training, chat_tokenizer)
    plain = MixedData(
        parts,
        post_training.tokens,
        context=96,
        rows_per_step=4,
        pretraining_share=0.0,
        pad_token=0,
        seed=0,
    )
    assert plain.pages is None
    assert plain.batch(0).tokens.shape == (4, 96)


def test_the_stop_token_is_learned_in_every_turn(post_training):
    tokenizer = Tokenizer.load(post_training.chat)
    stop = tokenizer.special("<|im_end|>")
    for part in train_parts(post_training, tokenizer):
        learned = part.tokens[part.learned == 1]
        ends = np.flatnonzero(np.diff(np.append(part.learned, 0)) == -1)
        assert (part.tokens[ends] == stop).all()
        assert (learned == stop).sum() == len(ends)


@pytest.mark.parametrize("share", [-0.5, -0.01, 1.0, 1.5, float("nan")])
def test_shares_outside_of_zero_to_one_are_refused(share):
    with pytest.raises(UserError, match="pretraining_share"):
        SftConfig(pretraining_share=share)


def test_rows_run_through_one_epoch_after_another():
    """Row by row against the epochs written out, past the border of two epochs and back."""
    data = ConversationData(parts_of([5, 9, 12, 3, 7], 0), 16, 3, PAD, 7)
    whole = [row for epoch in range(9) for row in data._pack(epoch)]
    assert len(whole) >= 15
    for step in (4, 0, 2):
        expected = [[data.parts[i] for i in row] for row in whole[3 * step : 3 * step + 3]]
        batch, wanted = data.batch(step), collate(expected, 17, PAD)
        assert torch.equal(batch.tokens, wanted.tokens)
        assert torch.equal(batch.loss_mask, wanted.loss_mask)
