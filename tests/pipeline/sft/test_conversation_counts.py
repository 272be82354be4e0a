"""Counts of what became of the conversations, each seen to move when its mistake is made."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from pipeline.sft import conversation_counts
from pipeline.sft.conversation_counts import count, line
from pipeline.sft.conversation_loader import ConversationData
from pipeline.training.data_loader import RowPart
from storage.errors import UserError

STOP = 9


def part(*tokens: int, mask: str) -> RowPart:
    return RowPart(np.array(tokens), np.array([int(c) for c in mask]))


GOOD = part(1, 2, 3, 4, STOP, mask="00011")
SHORT = part(1, 5, STOP, mask="011")
TURNS = part(1, 2, 6, STOP, 1, 7, STOP, mask="0011011")
SILENT = part(1, 2, 3, mask="000")
LONG = part(*range(20), mask="0" * 19 + "1")


def counted(
    *parts: RowPart, epochs: Sequence[float] | None = None
) -> conversation_counts.ConversationCounts:
    data = ConversationData(parts, 9, 2, 0, 0, epochs)
    return count([f"c{n}" for n in range(len(parts))], parts, data, STOP)


def test_each_conversation_is_counted_where_it_went() -> None:
    long = LONG._replace(tokens=np.array([*range(19), STOP]))
    found = counted(GOOD, SHORT, SILENT, TURNS, long, SILENT)
    assert found == {
        "conversations": 6,
        "left_out": 1,
        "without_trained_tokens": 2,
        "cut": 0,
        "stop_share": 1.0,
        "trained_tokens": 2 + 2 + 4,
        "packing_fill": 15 / 20,  # 7 + 3 and 5 of two rows of 10
    }
    assert line(found) == (
        "6 conversations: 0 cut, 1 left out as too long, 2 without a trained token, 100.0% end in"
        " the stop token; 8 trained tokens, rows 75.0% full"
    )


def test_an_answer_without_its_stop_token_is_refused_by_its_id() -> None:
    odd = part(1, 2, 3, STOP, mask="0010")
    with pytest.raises(UserError, match="conversation c1: its last trained token is 3, not the"):
        counted(GOOD, odd)


def test_masks_that_packing_loses_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As packing did elsewhere: the rows' masks end one token early, or are gone."""
    collate = conversation_counts.collate

    def lossy(*given):
        batch = collate(*given)
        mask = batch.loss_mask.clone()
        mask[:, :-1] *= batch.targets[:, :-1] != STOP
        return batch._replace(loss_mask=mask)

    monkeypatch.setattr(conversation_counts, "collate", lossy)
    found = counted(GOOD, SHORT, TURNS)
    assert (found["cut"], found["trained_tokens"]) == (2, 5)  # SHORT is at the end of its row
    assert found["stop_share"] == pytest.approx(1 / 3)
    monkeypatch.setattr(
        conversation_counts,
        "collate",
        lambda *given: collate(*given)._replace(loss_mask=torch.zeros(2, 9, dtype=torch.long)),
    )
    assert counted(GOOD, SHORT, TURNS)["stop_share"] == 0.0


def test_what_a_mixture_leaves_out_of_an_epoch_is_not_cut() -> None:
    """0 is in no epoch; of four that are seen half the time, two are in the first one."""
    found = counted(GOOD, SHORT, TURNS, *[SHORT] * 4, epochs=[1.0, 0.0, 2.0, *[0.5] * 4])
    assert found["trained_tokens"] == 2 + 2 * 4 + 2 * 2
    assert (found["conversations"], found["cut"], found["stop_share"]) == (7, 0, 1.0)


@pytest.mark.parametrize("cut_row", [0, 1, 2])  # each copy of TURNS fills a row alone
def test_a_conversation_is_cut_if_one_of_its_copies_is(
    monkeypatch: pytest.MonkeyPatch, cut_row: int
) -> None:
    collate = conversation_counts.collate

    def lossy(*given):
        batch = collate(*given)
        mask = batch.loss_mask.clone()
        mask[cut_row, :] = 0
        return batch._replace(loss_mask=mask)

    monkeypatch.setattr(conversation_counts, "collate", lossy)
    found = counted(SHORT, TURNS, epochs=[0.0, 3.0])
    assert (found["trained_tokens"], found["cut"], found["stop_share"]) == (8, 1, 0.0)


def test_a_first_token_is_nobodys_target_and_so_not_cut() -> None:
    found = counted(part(4, 3, STOP, mask="111"), SHORT)
    assert (found["trained_tokens"], found["cut"]) == (4, 0)


def test_conversations_without_a_word_to_learn_are_no_training_set() -> None:
    with pytest.raises(UserError, match="none of 2 conversations has a word"):
        counted(SILENT, SILENT)
