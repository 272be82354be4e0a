"""Token shards to batches, each a pure function of the step: the step number is the data cursor.

`TokenShards` maps the safetensors files into memory; `PretrainData` takes a group of documents at a
time (see `packing_groups`), draws their order from (seed, epoch, group), packs them by best fit
into rows of context + 1 tokens and shuffles the rows. What is learned at a border: the document
token after a document's end (so the model learns to end), but never a piece's first token where the
text before it belongs to something else.
"""

import bisect
import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from pipeline.training.batch_sizes import BatchSizes, as_sizes
from pipeline.training.packing import cut_rows
from pipeline.training.packing_groups import GroupLimits, Groups, Range
from storage.errors import UserError

# Files held open at once: two groups' blocks, below the usual limit of 1,024 for a process.
OPEN_SHARDS = 512
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


class MappedShard(NamedTuple):
    """A file of tokens, mapped into memory."""

    tokens: np.ndarray
    offsets: np.ndarray  # where each document begins, and where the last one ends


class TokenShards:
    """One split of a tokens artifact.

    Of a file no more than its head is read before it is needed, and only so many are held open.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self._files = sorted(folder.glob(f"{split}-*.safetensors"))
        if not self._files:
            raise UserError(f"no {split}-*.safetensors in {folder}: is it a tokens artifact?")
        heads = [_Head(file) for file in self._files]
        self.sizes = [head.tokens.size for head in heads]  # tokens of each shard
        self._firsts = np.cumsum([0, *(head.offsets.size - 1 for head in heads)]).tolist()
        self.shard = functools.lru_cache(maxsize=OPEN_SHARDS)(lambda shard: heads[shard].map())

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each document: 8 bytes a document, of which a training split has many."""
        return np.concatenate([np.diff(shard.offsets) for shard in self._each()])

    def longer_than(self, tokens: int) -> int:
        """How many documents are."""
        return sum(int((np.diff(shard.offsets) > tokens).sum()) for shard in self._each())

    def length(self, index: int) -> int:
        """Tokens of one document."""
        shard, at = self._find(index)
        return int(shard.offsets[at + 1]) - int(shard.offsets[at])

    def document(self, index: int, start: int = 0, length: int | None = None) -> np.ndarray:
        """Tokens start .. start + length (default: all) of a document, as stored."""
        shard, at = self._find(index)
        begin = int(shard.offsets[at]) + start
        end = int(shard.offsets[at + 1]) if length is None else begin + length
        return shard.tokens[begin:end]

    def pieces(self, ranges: Sequence[Range]) -> np.ndarray:
        """(document, start, length) of what lies in these ranges of tokens."""
        found = []
        for number, begin, end in ranges:
            offsets = self.shard(number).offsets
            first = int(np.searchsorted(offsets, begin, "right")) - 1
            last = int(np.searchsorted(offsets, end))  # one behind
            starts = np.maximum(offsets[first:last], begin)
            stops = np.minimum(offsets[first + 1 : last + 1], end)
            documents = np.arange(first, last) + self._firsts[number]
            found.append(np.stack([documents, starts - offsets[first:last], stops - starts], 1))
        return np.concatenate(found)

    def _find(self, index: int) -> tuple[MappedShard, int]:
        number = bisect.bisect_right(self._firsts, index) - 1
        return self.shard(number), index - self._firsts[number]

    def _each(self) -> Iterator[MappedShard]:
        return (self.shard(number) for number in range(len(self._files)))


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
        limits: GroupLimits = GroupLimits(),  # noqa: B008
    ) -> None:
        self.shards = TokenShards(folder, split)
        self.row_length = context + 1
        self.sizes = as_sizes(rows_per_step)
        self.separate_documents = separate_documents
        self.tokens = sum(self.shards.sizes)
        sizes, documents = self.shards.sizes, len(self.shards)
        self.groups = Groups(sizes, documents, self.row_length, seed, limits)
        self.rows_per_epoch = self.groups.rows_per_epoch
        if self.rows_per_epoch == 0:
            raise UserError(
                f"the {split} split holds {self.tokens} tokens, fewer than one row of "
                f"{self.row_length}: give it more documents or a shorter context"
            )
        # A batch may straddle two groups.
        self._group = functools.lru_cache(maxsize=2)(self._pack)

    def batch(self, step: int) -> Batch:
        """The global batch of a step."""
        first = self.sizes.before(step)
        rows = [self._row(index) for index in range(first, first + self.sizes.of_batch(step))]
        return collate(rows, self.row_length, 0, self.separate_documents)

    def pieces(self, row: int) -> np.ndarray:
        """(document, start, length) of each piece in the row-th row counted over all epochs."""
        epoch, group, place = self.groups.place(row)
        pieces, borders = self._group(epoch, group)
        return pieces[borders[place] : borders[place + 1]]

    def _row(self, row: int) -> list[RowPart]:
        parts = []
        ended = True  # whether the text before this piece came to its document's end
        for document, start, length in self.pieces(row).tolist():
            tokens = self.shards.document(document, start, length)
            learned = np.ones(length, dtype=np.int64)
            learned[0] = ended and start == 0
            parts.append(RowPart(tokens, learned))
            ended = start + length == self.shards.length(document)
        return parts

    def _pack(self, epoch: int, group: int) -> tuple[np.ndarray, np.ndarray]:
        """All rows of a group: pieces (n, 3) and where each row's begin, in training order."""
        generator = self.groups.generator(epoch, group)
        parts = self.shards.pieces(self.groups.ranges(epoch, group))
        parts = parts[generator.permutation(len(parts))]
        packed = cut_rows(parts[:, 2], self.row_length)
        rows = generator.permutation(len(packed.borders) - 1)
        counts = np.diff(packed.borders)[rows]
        ends = np.concatenate([[0], np.cumsum(counts)])
        take = np.repeat(packed.borders[rows] - ends[:-1], counts) + np.arange(ends[-1])
        pieces = packed.pieces[take]
        held = parts[pieces[:, 0]]
        pieces[:, 0] = held[:, 0]
        pieces[:, 1] += held[:, 1]
        return pieces, ends


class _Place(NamedTuple):
    """Where a tensor lies in a file."""

    offset: int  # bytes
    size: int  # elements
    dtype: np.dtype

    def of(self, data: np.ndarray) -> np.ndarray:
        """The tensor, of the file's bytes."""
        return data[self.offset : self.offset + self.size * self.dtype.itemsize].view(self.dtype)


class _Head:
    """What a safetensors file says of itself: 8 bytes of length, then JSON, then raw data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                total = os.fstat(file.fileno()).st_size
                if size > total:
                    raise ValueError("its head is longer than the file")
                said = json.loads(file.read(size))
            self.tokens = _place(said["tokens"], 8 + size, total)
            self.offsets = _place(said["offsets"], 8 + size, total)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise UserError(f"{path} is not a shard of tokens: {error!r}") from error

    def map(self) -> MappedShard:
        """The tensors, unread; one mapping, since each holds one of the process's open files."""
        data = np.asarray(np.memmap(self.path, np.uint8, "r"))
        return MappedShard(self.tokens.of(data), self.offsets.of(data))


def _place(said: dict[str, Any], start: int, total: int) -> _Place:
    begin, end = said["data_offsets"]
    if start + end > total:
        raise ValueError("the file is cut short")
    dtype = np.dtype(_DTYPES[said["dtype"]])
    return _Place(start + begin, (end - begin) // dtype.itemsize, dtype)
