"""Packing loses no conversation, cuts none, mixes none, and keeps every loss mask in its place."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sft.config import SftConfig
from pipeline.sft.conversation_loader import ConversationData, MixedData, encode
from pipeline.tokenizer import Tokenizer
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.data_loader import PretrainData, RowPart, collate
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


def test_a_packed_conversation_has_the_loss_it_has_alone(chat_model, post_training):
    model, tokenizer = chat_model
    parts = sorted(train_parts(post_training, tokenizer), key=lambda p: len(p.tokens))[:5]
    with torch.no_grad():
        packed, _ = token_loss(model, collate([parts], 192, PAD))
        alone = [token_loss(model, collate([[part]], len(part.tokens), PAD))[0] for part in parts]
    assert float(packed) == pytest.approx(sum(float(loss) for loss in alone), rel=1e-4)


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
    settings_ = {"context": 96, "rows_per_step": 4, "pad_token": 0, "seed": 0}
    plain = MixedData(parts, post_training.tokens, pretraining_share=0.0, **settings_)
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
