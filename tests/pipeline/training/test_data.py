from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.data import PretrainData, RowPart, TokenShards, collate
from storage.errors import UserError

CONTEXT = 12


@pytest.fixture
def data(artifacts):
    return PretrainData(artifacts["tokens"], CONTEXT, rows_per_step=4, seed=7)


def test_batch_is_a_pure_function_of_the_step(artifacts, data):
    late = data.batch(2 * data.rows_per_epoch // 4 + 3)
    for step in range(3):
        data.batch(step)
    fresh = PretrainData(artifacts["tokens"], CONTEXT, rows_per_step=4, seed=7)
    again = fresh.batch(2 * data.rows_per_epoch // 4 + 3)
    assert torch.equal(late.tokens, again.tokens)
    assert torch.equal(late.loss_mask, again.loss_mask)
    other = PretrainData(artifacts["tokens"], CONTEXT, rows_per_step=4, seed=8)
    assert not torch.equal(other.batch(0).tokens, fresh.batch(0).tokens)


def test_an_epoch_uses_every_token_once_and_epochs_differ(data):
    orders = []
    for epoch in range(2):
        used = Counter()
        order = []
        for row in range(epoch * data.rows_per_epoch, (epoch + 1) * data.rows_per_epoch):
            for document, start, length in data.pieces(row).tolist():
                order.append((document, start, length))
                used.update((document, start + i) for i in range(length))
        assert max(used.values()) == 1
        assert data.tokens - len(used) == data.tokens % (CONTEXT + 1)
        orders.append(order)
    assert orders[0] != orders[1]


def test_rows_hold_the_documents_tokens_and_learn_no_false_continuation(data):
    shards = data.shards
    for step in range(data.rows_per_epoch // 4):
        batch = data.batch(step)
        for index in range(4):
            pieces = data.pieces(step * 4 + index).tolist()
            row = np.concatenate([shards.document(d, s, n) for d, s, n in pieces])
            assert batch.tokens[index].tolist() == row[:-1].tolist()
            assert batch.targets[index].tolist() == row[1:].tolist()
            at = 0
            masked = set()
            for number, (_, start, length) in enumerate(pieces):
                if number:
                    before = pieces[number - 1]
                    ended = before[1] + before[2] == shards.lengths[before[0]]
                    if ended and start == 0:
                        assert row[at] == 0  # the document token: how the model learns to end
                    else:
                        masked.add(at - 1)
                at += length
            mask = batch.loss_mask[index].tolist()
            assert {i for i, value in enumerate(mask) if value == 0} == masked


def test_separate_documents_number_the_pieces(artifacts):
    data = PretrainData(artifacts["tokens"], CONTEXT, 4, seed=7, separate_documents=True)
    batch = data.batch(0)
    for index in range(4):
        lengths = [piece[2] for piece in data.pieces(index).tolist()]
        expected = np.repeat(np.arange(len(lengths)), lengths)[:-1]
        assert batch.document_ids[index].tolist() == expected.tolist()


@given(st.data())
@settings(max_examples=50)
def test_collate_lines_up_masks_with_targets(draw):
    row_length = draw.draw(st.integers(2, 20))
    rows = []
    for _ in range(draw.draw(st.integers(1, 3))):
        parts, left = [], row_length
        while left and draw.draw(st.booleans()):
            length = draw.draw(st.integers(1, left))
            left -= length
            tokens = np.array(
                draw.draw(st.lists(st.integers(1, 99), min_size=length, max_size=length))
            )
            learned = np.array(draw.draw(st.lists(st.booleans(), min_size=length, max_size=length)))
            learned[0] = False
            parts.append(RowPart(tokens, learned))
        rows.append(parts)
    batch = collate(rows, row_length, pad_token=0)
    for index, parts in enumerate(rows):
        tokens = [int(t) for part in parts for t in part.tokens]
        learned = [int(t) for part in parts for t in part.learned]
        padding = row_length - len(tokens)
        assert batch.tokens[index].tolist() == (tokens + [0] * padding)[:-1]
        assert batch.targets[index].tolist() == (tokens + [0] * padding)[1:]
        assert batch.loss_mask[index].tolist() == (learned + [0] * padding)[1:]
        # A learned target never lies in another document than its input.
        ids = np.repeat(np.arange(len(parts)), [len(part.tokens) for part in parts])
        for position in batch.loss_mask[index].nonzero().flatten().tolist():
            assert ids[position] == ids[position + 1] == batch.document_ids[index, position]


def test_shards_join_in_the_order_of_their_names(tmp_path, write_shard):
    write_shard(tmp_path / "train-00001.safetensors", [[0, 5]])
    write_shard(tmp_path / "train-00000.safetensors", [[0, 1, 2], [0, 3]])
    shards = TokenShards(tmp_path, "train")
    assert [shards.document(i).tolist() for i in range(3)] == [[0, 1, 2], [0, 3], [0, 5]]
    assert shards.document(0, 1, 1).tolist() == [1]


def test_bad_input_is_a_users_mistake(tmp_path, write_shard):
    with pytest.raises(UserError, match="is it a tokens artifact"):
        TokenShards(tmp_path, "train")
    write_shard(tmp_path / "train-00000.safetensors", [[0, 1, 2]])
    with pytest.raises(UserError, match="fewer than one row"):
        PretrainData(tmp_path, 100, 1, 0)
    (tmp_path / "train-00000.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(UserError, match="not a shard"):
        TokenShards(tmp_path, "train")
