"""Batches for fine-tuning: whole conversations packed into rows, and some rows of pretraining text.

In: the rows of a conversations table, a tokenizer with conversation tokens, a tokens artifact. Out:
batches as a pure function of the step, so the step is the resume cursor. A conversation is never
cut and never sees its neighbours in the row; the loss mask travels with its tokens through packing.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pipeline.chat.conversation import from_row, render, spans
from pipeline.sft.conversations import ConversationRow
from pipeline.sft.mixture import Passes
from pipeline.tokenizer import Tokenizer
from pipeline.training.batch_sizes import BatchSizes, as_sizes
from pipeline.training.data_loader import Batch, PretrainData, RowPart, collate
from pipeline.training.packing import whole_rows
from storage.errors import UserError


def encode(rows: Sequence[ConversationRow], tokenizer: Tokenizer) -> list[RowPart]:
    """Conversations as tokens with their loss masks.

    Args:
        rows: of the conversations table.
        tokenizer: with conversation tokens.

    Raises:
        UserError: the stored loss spans are another tokenizer's.
    """
    parts = []
    for row in rows:
        ids, mask = render(from_row(row), tokenizer)
        if spans(mask) != [list(span) for span in row["loss_spans"]]:
            raise UserError(
                f"conversation {row['id']} has other loss spans than this tokenizer gives: it was "
                "made with another tokenizer, so run the conversations stage again"
            )
        parts.append(RowPart(np.array(ids, dtype=np.int64), np.array(mask, dtype=np.int64)))
    return parts


class ConversationData:
    """Rows of packed conversations; each epoch has its own random order, from (seed, epoch).

    Args:
        parts: the tokens of each conversation.
        context: positions of a row.
        rows_per_step: rows of each batch.
        pad_token: for the end of a row.
        seed: of the order.
        epochs: how often an epoch holds each conversation, see `mixture.Passes`; None: once.

    Raises:
        UserError: no conversation fits the context, or none has anything to learn.
    """

    def __init__(
        self,
        parts: Sequence[RowPart],
        context: int,
        rows_per_step: int | BatchSizes,
        pad_token: int,
        seed: int,
        epochs: Sequence[float] | None = None,
    ) -> None:
        self.row_length = context + 1
        fitting = [at for at, part in enumerate(parts) if len(part.tokens) <= self.row_length]
        taught = [at for at in fitting if parts[at].learned[1:].any()]
        self.parts = [parts[at] for at in taught]
        self.left_out = len(parts) - len(fitting)  # longer than a row
        self.untaught = len(fitting) - len(taught)  # without a token to learn
        if not self.parts:
            raise UserError(
                f"no conversation fits the model's context of {context} tokens: lower max_tokens "
                "of the conversations or pretrain with a longer context"
                if not fitting
                else f"none of {len(fitting)} conversations has a word of the assistant's to learn"
            )
        self.sizes = as_sizes(rows_per_step)
        self.pad_token = pad_token
        self.seed = seed
        often = [1.0] * len(taught) if epochs is None else [epochs[at] for at in taught]
        self._passes = Passes(often, seed)
        # A batch may reach into the next epoch, and an epoch of a tiny set may be shorter than one.
        self._epoch = functools.lru_cache(maxsize=4)(self._pack)
        self._starts = [0]  # first row of each epoch: their number differs with the packing

    def batch(self, step: int) -> Batch:
        """The rows of conversations of a step, [rows, context]."""
        first = self.sizes.before(step)
        rows = [self._row(index) for index in range(first, first + self.sizes.of_batch(step))]
        return collate(rows, self.row_length, self.pad_token)

    def epoch(self, number: int) -> list[list[int]]:
        """All rows of an epoch, each the indices of its conversations in `parts`."""
        return self._epoch(number)

    def _row(self, row: int) -> list[RowPart]:
        while self._starts[-1] <= row:
            epoch = len(self._starts) - 1
            self._starts.append(self._starts[-1] + len(self._epoch(epoch)))
        epoch = next(e for e in range(len(self._starts) - 2, -1, -1) if self._starts[e] <= row)
        return [self.parts[index] for index in self._epoch(epoch)[row - self._starts[epoch]]]

    def _pack(self, epoch: int) -> list[list[int]]:
        """All rows of an epoch, each the indices of its conversations, in training order."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(self._passes.indices(epoch)).tolist()
        lengths = [len(self.parts[index].tokens) for index in order]
        rows = [[order[at] for at in row] for row in whole_rows(lengths, self.row_length)]
        return [rows[index] for index in generator.permutation(len(rows)).tolist()]


class MixedData:
    """Rows of conversations and, for a share of each step, rows of pages against forgetting.

    Args:
        parts: the tokens of each conversation.
        tokens_folder: a tokens artifact, for the pages; None where there are none.
        context: positions of a row.
        rows_per_step: rows of each batch, pages included.
        pretraining_share: of pages, 0 to below 1.
        pad_token: for the end of a row.
        seed: of the order.
        epochs: as `ConversationData`'s.

    Raises:
        UserError: the share makes no sense, or no conversation fits the context.
    """

    def __init__(
        self,
        parts: Sequence[RowPart],
        tokens_folder: Path | None,
        *,
        context: int,
        rows_per_step: int | BatchSizes,
        pretraining_share: float,
        pad_token: int,
        seed: int,
        epochs: Sequence[float] | None = None,
    ) -> None:
        sizes = as_sizes(rows_per_step)
        pages = sizes.map(lambda rows: min(round(pretraining_share * rows), rows - 1))
        talk = sizes.minus(pages)
        self.conversations = ConversationData(parts, context, talk, pad_token, seed, epochs)
        self.pages = None
        if any(pages.rows):
            if tokens_folder is None:
                raise UserError("sft.pretraining_share: no pages to mix in: set it to 0")
            self.pages = PretrainData(tokens_folder, context, pages, seed, separate_documents=True)

    def batch(self, step: int) -> Batch:
        """The global batch of a step, [rows, context]; pages are spread among conversations."""
        conversations = self.conversations.batch(step)
        if self.pages is None:
            return conversations
        pages = self.pages.batch(step)
        # Rows must mix, or under torchrun one process would get all the pages.
        order = _interleave(len(conversations.tokens), len(pages.tokens))
        assert conversations.document_ids is not None
        assert pages.document_ids is not None
        return Batch(
            torch.cat([conversations.tokens, pages.tokens])[order],
            torch.cat([conversations.targets, pages.targets])[order],
            torch.cat([conversations.loss_mask, pages.loss_mask])[order],
            torch.cat([conversations.document_ids, pages.document_ids])[order],
        )


def _interleave(first: int, second: int) -> torch.Tensor:
    """[first + second] an order that spreads `second` rows evenly among `first` ones."""
    positions = [(index + 0.5) / first for index in range(first)]
    positions += [(index + 0.5) / second for index in range(second)]
    return torch.tensor(sorted(range(first + second), key=lambda index: (positions[index], index)))
