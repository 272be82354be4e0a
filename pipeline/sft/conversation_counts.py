"""What became of the conversations on their way into training rows, counted where it happens.

The loss mask has been dropped unseen by packing, and stop tokens masked, in public trainers. So
one epoch's rows are made as training makes them, and each conversation's trained tokens in them are
compared with those it came with.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from pipeline.sft.conversation_loader import ConversationData
from pipeline.training.data_loader import RowPart, collate
from storage.errors import UserError

ROWS_AT_ONCE = 512


class ConversationCounts(TypedDict):
    """Of the train split, in the first epoch; a part of an `sft` artifact's statistics."""

    conversations: int  # as they came; those left out among them
    left_out: int  # longer than the context
    without_trained_tokens: int  # left out: nothing in them is the assistant's
    cut: int  # conversations that have fewer trained tokens in the rows than they came with
    stop_share: float  # of the trained ones, those whose last trained token is the stop token
    trained_tokens: int
    packing_fill: float  # tokens / positions of the rows


def count(
    ids: Sequence[str], parts: Sequence[RowPart], data: ConversationData, stop: int
) -> ConversationCounts:
    """Count.

    Args:
        ids: of the conversations.
        parts: the tokens of each, as `encode` gave them.
        data: the rows made of them.
        stop: the token that ends the assistant's turn.

    Raises:
        UserError: a conversation's last trained token is not the stop token: a model that learns
            from it doesn't learn to stop.
    """
    for id, part in zip(ids, parts):
        trained = np.flatnonzero(part.learned)
        if len(trained) and part.tokens[trained[-1]] != stop:
            raise UserError(
                f"conversation {id}: its last trained token is {part.tokens[trained[-1]]}, not the"
                f" stop token {stop}: a model would not learn to stop; run the conversations stage"
                " again"
            )
    before = np.array([part.learned[1:].sum() for part in data.parts])
    # A mixture may leave some out of an epoch, and hold several copies of others.
    after = before.copy()  # of the copy that lost most
    stops = np.ones(len(data.parts), dtype=bool)
    seen = np.zeros(len(data.parts), dtype=bool)
    rows = data.epoch(0)
    tokens = trained_tokens = 0
    for start in range(0, len(rows), ROWS_AT_ONCE):
        group = rows[start : start + ROWS_AT_ONCE]
        batch = collate([[data.parts[i] for i in row] for row in group], data.row_length, 0)
        for row, mask, targets in zip(group, batch.loss_mask.numpy(), batch.targets.numpy()):
            lengths = [len(data.parts[index].tokens) for index in row]
            tokens += sum(lengths)
            ends = np.cumsum(lengths) - 1  # of each conversation, among the row's targets
            for index, end, length in zip(row, ends, lengths):
                # A conversation's first token is nobody's target, or its neighbour's: not trained.
                learned = np.flatnonzero(mask[end - length + 1 : end])
                after[index] = min(after[index], len(learned))
                seen[index] = True
                trained_tokens += len(learned)
                last = targets[end - length + 1 + learned[-1]] if len(learned) else None
                stops[index] &= last == stop
    return {
        "conversations": len(parts),
        "left_out": data.left_out,
        "without_trained_tokens": data.untaught,
        "cut": int((after < before).sum()),
        "stop_share": float(stops[seen].mean()),
        "trained_tokens": trained_tokens,
        "packing_fill": tokens / (len(rows) * data.row_length),
    }


def line(counts: ConversationCounts) -> str:
    """The counts for people."""
    return (
        f"{counts['conversations']:,} conversations: {counts['cut']} cut,"
        f" {counts['left_out']} left out as too long,"
        f" {counts['without_trained_tokens']} without a trained token,"
        f" {counts['stop_share']:.1%} end in the stop token;"
        f" {counts['trained_tokens']:,} trained tokens, rows {counts['packing_fill']:.1%} full"
    )
