from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.training import data_loader as data_module
from pipeline.training.data_loader import PretrainData, RowPart, TokenShards, collate
from pipeline.training.packing import cut_rows
from pipeline.training.packing_groups import GroupLimits
from storage.errors import UserError

CONTEXT = 12
# The toy's 13,000 tokens in some fifteen groups of blocks that cut documents everywhere.
SMALL = GroupLimits(tokens=900, documents=1_000, block_tokens=110)


@pytest.fixture(params=[GroupLimits(), SMALL], ids=["one group", "many groups"])
def make_data(artifacts, request):
    return lambda seed: PretrainData(artifacts["tokens"], CONTEXT, 4, seed, limits=request.param)


@pytest.fixture
def data(make_data):
    return make_data(7)


def grouped(artifacts, rows_per_step=4):
    return PretrainData(artifacts["tokens"], CONTEXT, rows_per_step, seed=7, limits=SMALL)


def test_batch_is_a_pure_function_of_the_step(make_data, data):
    late = data.batch(2 * data.rows_per_epoch // 4 + 3)
    for step in range(3):
        data.batch(step)
    fresh = make_data(7)
    again = fresh.batch(2 * data.rows_per_epoch // 4 + 3)
    assert torch.equal(late.tokens, again.tokens)
    assert torch.equal(late.loss_mask, again.loss_mask)
    other = make_data(8)
    assert not torch.equal(other.batch(0).tokens, fresh.batch(0).tokens)


def test_an_epoch_uses_every_token_once_and_epochs_differ(data):
    orders = []
    for epoch in range(2):
        used: Counter[tuple[int, int]] = Counter()
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
                    ended = before[1] + before[2] == shards.length(before[0])
                    if ended and start == 0:
                        assert row[at] == 0  # the document token: how the model learns to end
                    else:
                        masked.add(at - 1)
                at += length
            mask = batch.loss_mask[index].tolist()
            assert {i for i, value in enumerate(mask) if value == 0} == masked


def test_a_corpus_of_one_group_keeps_the_order_that_models_were_trained_in(artifacts):
    data = PretrainData(artifacts["tokens"], CONTEXT, 4, seed=7)
    generator = np.random.default_rng([7, 1])
    order = generator.permutation(len(data.shards))
    packed = cut_rows(data.shards.lengths[order], CONTEXT + 1)
    for number, place in enumerate(generator.permutation(data.rows_per_epoch).tolist()):
        pieces = packed.pieces[packed.borders[place] : packed.borders[place + 1]]
        found = data.pieces(data.rows_per_epoch + number)
        assert found[:, 0].tolist() == order[pieces[:, 0]].tolist()
        assert found[:, 1:].tolist() == pieces[:, 1:].tolist()


def test_rows_are_the_same_for_every_rank_and_every_step_size(artifacts):
    """Each rank makes the global batch by itself, be it after a resume in whatever place."""
    one, other = grouped(artifacts), grouped(artifacts, rows_per_step=6)
    groups = one.groups
    assert groups.count > 10
    border = groups.rows_per_group
    rows = torch.cat([one.batch(step).tokens for step in range(3 * border // 4)])
    # in the middle of a group, over its border, over the end of the epoch, and back
    for row in (border // 2, border - 2, border, one.rows_per_epoch - 2, 0):
        step = row // 6
        again = grouped(artifacts, 6)
        assert torch.equal(again.batch(step).tokens, other.batch(step).tokens)
        if 6 * step + 6 <= len(rows):
            assert torch.equal(again.batch(step).tokens, rows[6 * step : 6 * step + 6])


def test_no_more_than_a_group_is_packed_for_a_batch(artifacts, monkeypatch):
    packed: list[int] = []

    def noting(lengths, row_length):
        packed.append(int(lengths.sum()))
        return cut_rows(lengths, row_length)

    monkeypatch.setattr(data_module, "cut_rows", noting)
    data = grouped(artifacts)
    assert not packed
    for step in range(data.rows_per_epoch // 4):
        data.batch(step)
    most = data.groups.rows_per_group * data.row_length
    assert len(packed) == data.groups.count  # once each
    assert packed[:-1] == [most] * (data.groups.count - 1)
    assert sum(packed) == data.tokens


def test_separate_documents_number_the_pieces(artifacts):
    data = PretrainData(artifacts["tokens"], CONTEXT, 4, seed=7, separate_documents=True)
    batch = data.batch(0)
    assert batch.document_ids is not None
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
    assert batch.document_ids is not None
    for index, parts in enumerate(rows):
        row = [int(t) for part in parts for t in part.tokens]
        mask = [int(t) for part in parts for t in part.learned]
        padding = row_length - len(row)
        assert batch.tokens[index].tolist() == (row + [0] * padding)[:-1]
        assert batch.targets[index].tolist() == (row + [0] * padding)[1:]
        assert batch.loss_mask[index].tolist() == (mask + [0] * padding)[1:]
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


def test_few_files_are_open_at_a_time(tmp_path, write_shard, monkeypatch):
    monkeypatch.setattr(data_module, "OPEN_SHARDS", 3)
    documents = [[0, *range(n, n + 5)] for n in range(20)]
    for number, document in enumerate(documents):
        write_shard(tmp_path / f"train-{number:05d}.safetensors", [document, document[:3]])
    shards = TokenShards(tmp_path, "train")
    assert shards.shard.cache_info().currsize == 0  # of their tokens nothing is read yet
    for number, document in enumerate(documents):
        assert shards.document(2 * number).tolist() == document
        assert (shards.length(2 * number), shards.length(2 * number + 1)) == (6, 3)
    assert shards.shard.cache_info().currsize == 3
    assert shards.lengths.tolist() == [6, 3] * 20
    assert (shards.longer_than(5), shards.longer_than(6)) == (20, 0)


DOCUMENTS = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=9), min_size=1, max_size=3)


@given(DOCUMENTS, st.integers(1, 40), st.integers(1, 9), st.integers(2, 9), st.integers(0, 2))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_groups_have_every_documents_tokens_once(
    tmp_path_factory, write_shard, lengths, group_tokens, block_tokens, row_length, epoch
):
    folder = tmp_path_factory.mktemp("shards")
    for number, shard in enumerate(lengths):
        write_shard(folder / f"train-{number:05d}.safetensors", [[7] * n for n in shard])
    flat = [length for shard in lengths for length in shard]
    if sum(flat) < row_length:
        return
    limits = GroupLimits(group_tokens, 1_000, block_tokens)
    data = PretrainData(folder, row_length - 1, 1, seed=3, limits=limits)
    used: Counter[tuple[int, int]] = Counter()
    first = epoch * data.rows_per_epoch
    for row in range(first, first + data.rows_per_epoch):
        pieces = data.pieces(row).tolist()
        assert sum(length for _, _, length in pieces) == row_length
        used.update((d, start + i) for d, start, length in pieces for i in range(length))
    assert set(used.values()) == {1}
    assert used.keys() <= {(d, i) for d, length in enumerate(flat) for i in range(length)}
    # of all groups together no more is left out than of a corpus that is packed at once
    assert sum(flat) - len(used) == sum(flat) % row_length


def test_bad_input_is_a_users_mistake(tmp_path, write_shard):
    with pytest.raises(UserError, match="is it a tokens artifact"):
        TokenShards(tmp_path, "train")
    write_shard(tmp_path / "train-00000.safetensors", [[0, 1, 2]])
    with pytest.raises(UserError, match="fewer than one row"):
        PretrainData(tmp_path, 100, 1, 0)
    whole = (tmp_path / "train-00000.safetensors").read_bytes()
    nonsense = [b"", whole[:5], b"\x08" + bytes(7) + b"nonsense", b"\xff" * 8, bytes(8) + b"{}"]
    for broken in [*nonsense, b"\x02" + bytes(7) + b"{}", whole[:-1], whole[:100]]:
        (tmp_path / "train-00000.safetensors").write_bytes(broken)
        with pytest.raises(UserError, match="not a shard"):
            TokenShards(tmp_path, "train")
