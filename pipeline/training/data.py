"""Token shards to batches, each a pure function of the step: the step number is the data cursor.

`TokenShards` maps the safetensors files into memory; `PretrainData` draws a new order of documents
each epoch from (seed, epoch), packs it by best fit into rows of context + 1 tokens and shuffles
the rows. What is learned at a border: the document token after a document's end (so the model
learns to end), but never a piece's first token where the text before it belongs to something else.
"""

import array
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from pipeline.training.batch_sizes import BatchSizes, as_sizes
from pipeline.training.packing import iterate_rows
from storage.errors import UserError

_DTYPES = {"U16": np.uint16, "U32": np.uint32, "I64": np.int64}


class Batch(NamedTuple):
    """Row-shaped (B, T) tensors; all int64."""

    tokens: torch.Tensor
    targets: torch.Tensor  # the next token of each position; meaningless where the mask is 0
    loss_mask: torch.Tensor  # 1 where the target is learned
    document_ids: torch.Tensor | None  # piece number within the row; None: attention ignores it

    def rows(self, start: int, stop: int) -> "Batch":
        """Some of the rows."""
        part = slice(start, stop)
        ids = None if self.document_ids is None else self.document_ids[part]
        return Batch(self.tokens[part], self.targets[part], self.loss_mask[part], ids)

    def to(self, device: torch.device) -> "Batch":
        ids = None if self.document_ids is None else self.document_ids.to(device)
        return Batch(
            self.tokens.to(device), self.targets.to(device), self.loss_mask.to(device), ids
        )


BatchOf = Callable[[int], Batch]  # the global batch of a number, mostly the step


class RowPart(NamedTuple):
    """A run of tokens in a row, and for each of them whether it is learned as a target."""

    tokens: np.ndarray
    learned: np.ndarray


def collate(
    rows: Sequence[Sequence[RowPart]],
    row_length: int,
    pad_token: int,
    separate_documents: bool = True,
) -> Batch:
    """Rows of up to `row_length` tokens as a batch of row_length - 1 positions.

    Unused positions hold `pad_token`, form a document of their own and are masked.
    """
    tokens = np.full((len(rows), row_length), pad_token, dtype=np.int64)
    learned = np.zeros((len(rows), row_length), dtype=np.int64)
    documents = np.zeros((len(rows), row_length), dtype=np.int64)
    for index, parts in enumerate(rows):
        at = 0
        for number, part in enumerate(parts):
            end = at + len(part.tokens)
            tokens[index, at:end] = part.tokens
            learned[index, at:end] = part.learned
            documents[index, at:end] = number
            at = end
        documents[index, at:] = len(parts)
    return Batch(
        torch.from_numpy(tokens[:, :-1].copy()),
        torch.from_numpy(tokens[:, 1:].copy()),
        torch.from_numpy(learned[:, 1:].copy()),
        torch.from_numpy(documents[:, :-1].copy()) if separate_documents else None,
    )


class TokenShards:
    """One split of a tokens artifact, memory-mapped."""

    def __init__(self, folder: Path, split: str) -> None:
        files = sorted(folder.glob(f"{split}-*.safetensors"))
        if not files:
            raise UserError(f"no {split}-*.safetensors in {folder}: is it a tokens artifact?")
        shards = [_map(file) for file in files]
        self._tokens = [shard["tokens"] for shard in shards]
        self._starts = np.concatenate([shard["offsets"][:-1] for shard in shards])
        self.lengths = np.concatenate([np.diff(shard["offsets"]) for shard in shards])
        counts = [len(shard["offsets"]) - 1 for shard in shards]
        self._shard_of = np.repeat(np.arange(len(shards)), counts)

    def __len__(self) -> int:
        return len(self.lengths)

    def document(self, index: int, start: int = 0, length: int | None = None) -> np.ndarray:
        """Tokens start .. start + length (default: all) of a document, as stored."""
        begin = int(self._starts[index]) + start
        end = begin + (int(self.lengths[index]) - start if length is None else length)
        return self._tokens[self._shard_of[index]][begin:end]


class PretrainData:
    """Batches of packed documents."""

    def __init__(
        self,
        folder: Path,
        context: int,
        rows_per_step: int | BatchSizes,
        seed: int,
        split: str = "train",
        separate_documents: bool = True,
    ) -> None:
        self.shards = TokenShards(folder, split)
        self.row_length = context + 1
        self.sizes = as_sizes(rows_per_step)
        self.seed = seed
        self.separate_documents = separate_documents
        self.tokens = int(self.shards.lengths.sum())
        self.rows_per_epoch = self.tokens // self.row_length
        if self.rows_per_epoch == 0:
            raise UserError(
                f"the {split} split holds {self.tokens} tokens, fewer than one row of "
                f"{self.row_length}: give it more documents or a shorter context"
            )
        # A batch may straddle two epochs, never more than it has rows.
        self._epoch = functools.lru_cache(maxsize=2)(self._pack)

    def batch(self, step: int) -> Batch:
        """The global batch of a step."""
        first = self.sizes.before(step)
        rows = [self._row(index) for index in range(first, first + self.sizes.of_batch(step))]
        return collate(rows, self.row_length, 0, self.separate_documents)

    def pieces(self, row: int) -> np.ndarray:
        """(document, start, length) of each piece in the row-th row counted over all epochs."""
        epoch, place = divmod(row, self.rows_per_epoch)
        pieces, borders = self._epoch(epoch)
        return pieces[borders[place] : borders[place + 1]]

    def _row(self, row: int) -> list[RowPart]:
        parts = []
        ended = True  # whether the text before this piece came to its document's end
        for document, start, length in self.pieces(row).tolist():
            tokens = self.shards.document(document, start, length)
            learned = np.ones(length, dtype=np.int64)
            learned[0] = ended and start == 0
            parts.append(RowPart(tokens, learned))
            ended = start + length == self.shards.lengths[document]
        return parts

    def _pack(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """All rows of an epoch: pieces (n, 3) and where each row's begin, in training order."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.shards))
        flat = array.array("q")
        borders = array.array("q", [0])
        for row in iterate_rows(self.shards.lengths[order].tolist(), self.row_length):
            for piece in row:
                flat.extend(piece)
            borders.append(len(flat) // 3)
        pieces = np.array(flat, dtype=np.int64).reshape(-1, 3)
        pieces[:, 0] = order[pieces[:, 0]]
        starts = np.array(borders, dtype=np.int64)
        rows = generator.permutation(len(starts) - 1)
        counts = np.diff(starts)[rows]
        ends = np.concatenate([[0], np.cumsum(counts)])
        take = np.repeat(starts[rows] - ends[:-1], counts) + np.arange(len(pieces))
        return pieces[take], ends


def _map(path: Path) -> dict[str, np.ndarray]:
    """A safetensors file's tensors, unread: 8 bytes of header length, JSON, raw data."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        tensors = {}
        for name in ("tokens", "offsets"):
            begin, end = header[name]["data_offsets"]
            dtype = np.dtype(_DTYPES[header[name]["dtype"]])
            count = (end - begin) // dtype.itemsize
            tensors[name] = (
                np.memmap(path, dtype, "r", offset=8 + size + begin, shape=(count,))
                if count
                else np.zeros(0, dtype)
            )
    except (KeyError, ValueError, OSError) as error:
        raise UserError(f"{path} is not a shard of tokens: {error!r}") from error
    return tensors
