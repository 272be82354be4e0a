"""The data loader: token shards to batches, each a pure function of the step's number.

`TokenShards` maps the safetensors files into memory; `PretrainData` takes a group of documents at a
time (see `packing_groups`), draws their order from (seed, epoch, group), packs them by best fit
into rows of context + 1 tokens and shuffles the rows. At a border the document token after a
document's end is learned (so the model learns to end), but never a piece's first token where the
text before it belongs to something else.
"""

import bisect
import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from pipeline.training.batch_sizes import BatchSizes, as_sizes
from pipeline.training.checkpoint import TensorHeader
from pipeline.training.packing import cut_rows
from pipeline.training.packing_groups import GroupLimits, Groups, Range
from storage.errors import UserError

# Files held open at once: two groups' blocks, below the usual limit of 1,024 for a process.
OPEN_SHARDS = 512
_DTYPES = {"U16": np.uint16, "U32": np.uint32, "I64": np.int64}


class Batch(NamedTuple):
    """Rows of tokens and what is to be predicted; all tensors [batch, seq] int64."""

    tokens: torch.Tensor
    targets: torch.Tensor  # the next token of each position; undefined where the mask is 0
    loss_mask: torch.Tensor  # 1 where the target is learned
    document_ids: torch.Tensor | None  # piece number within the row; None: attention ignores it

    def rows(self, start: int, stop: int) -> "Batch":
        """The rows from `start` until before `stop`."""
        part = slice(start, stop)
        ids = None if self.document_ids is None else self.document_ids[part]
        return Batch(self.tokens[part], self.targets[part], self.loss_mask[part], ids)

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        ids = None if self.document_ids is None else self.document_ids.to(device)
        return Batch(
            self.tokens.to(device), self.targets.to(device), self.loss_mask.to(device), ids
        )


BatchOf = Callable[[int], Batch]  # from a batch's number, mostly the step, to the global batch


class RowPart(NamedTuple):
    """A run of tokens in a row, and for each of them whether it is learned as a target."""

    tokens: np.ndarray  # [tokens]
    learned: np.ndarray  # [tokens] int64, 1 where it is


def collate(
    rows: Sequence[Sequence[RowPart]],
    row_length: int,
    pad_token: int,
    separate_documents: bool = True,
) -> Batch:
    """Make a batch of row_length - 1 positions.

    Args:
        rows: the parts of each row, at most `row_length` tokens together.
        row_length: tokens of a row, its last target included.
        pad_token: for unused positions, which form a document of their own and are masked.
        separate_documents: whether attention stays within a part.
    """
    # [rows, row_length]
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

    tokens: np.ndarray  # [tokens] uint16 or uint32
    offsets: np.ndarray  # [documents + 1] int64: where each begins, and where the last one ends


class TokenShards:
    """One split of a tokens artifact.

    Of a file only the header is read before its data is needed, and at most OPEN_SHARDS are held
    open.

    Args:
        folder: of the artifact.
        split: train or validation.

    Raises:
        UserError: there are no such files, or one is no shard of tokens.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self._files = sorted(folder.glob(f"{split}-*.safetensors"))
        if not self._files:
            raise UserError(f"no {split}-*.safetensors in {folder}: is it a tokens artifact?")
        headers = [_ShardHeader(file) for file in self._files]
        self.sizes = [header.tokens.size for header in headers]  # tokens of each shard
        self._firsts = np.cumsum([0, *(header.offsets.size - 1 for header in headers)]).tolist()
        self.shard = functools.lru_cache(maxsize=OPEN_SHARDS)(lambda shard: headers[shard].map())

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """[documents] int64, tokens of each: 8 bytes a document, many for a training split."""
        return np.concatenate([np.diff(shard.offsets) for shard in self._each()])

    def longer_than(self, tokens: int) -> int:
        """How many documents have more tokens than that."""
        return sum(int((np.diff(shard.offsets) > tokens).sum()) for shard in self._each())

    def length(self, index: int) -> int:
        """Tokens of one document."""
        shard, at = self._find(index)
        return int(shard.offsets[at + 1]) - int(shard.offsets[at])

    def document(self, index: int, start: int = 0, length: int | None = None) -> np.ndarray:
        """[length] tokens of a document, as stored.

        Args:
            index: of the document.
            start: the first token.
            length: how many; None: all.
        """
        shard, at = self._find(index)
        begin = int(shard.offsets[at]) + start
        end = int(shard.offsets[at + 1]) if length is None else begin + length
        return shard.tokens[begin:end]

    def pieces(self, ranges: Sequence[Range]) -> np.ndarray:
        """[pieces, 3] int64, (document, start, length) of what lies in ranges of tokens."""
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
    """Batches of packed documents.

    Args:
        folder: a tokens artifact.
        context: positions of a row.
        rows_per_step: rows of each batch.
        seed: of the order.
        split: train or validation.
        separate_documents: whether attention stays within a document.
        limits: of a group that is packed at a time.

    Raises:
        UserError: the split has less than one row of tokens, or no files.
    """

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
        """The global batch of a step, [rows, context]."""
        first = self.sizes.before(step)
        rows = [self._row(index) for index in range(first, first + self.sizes.of_batch(step))]
        return collate(rows, self.row_length, 0, self.separate_documents)

    def pieces(self, row: int) -> np.ndarray:
        """[pieces, 3] int64, (document, start, length) of each piece of a row.

        Args:
            row: its number, counted over all epochs.
        """
        epoch, group, at = self.groups.position(row)
        pieces, borders = self._group(epoch, group)
        return pieces[borders[at] : borders[at + 1]]

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
        """All rows of a group in training order.

        Returns:
            [pieces, 3] int64 (document, start, length), and [rows + 1] where each row's begin.
        """
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


class _Extent(NamedTuple):
    """Where a tensor is in a file."""

    offset: int  # bytes
    size: int  # elements
    dtype: np.dtype

    def of(self, data: np.ndarray) -> np.ndarray:
        """[size] the tensor, from the file's bytes."""
        return data[self.offset : self.offset + self.size * self.dtype.itemsize].view(self.dtype)


class _ShardHeader:
    """The header of a safetensors file: 8 bytes of length, then JSON, then raw data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                total = os.fstat(file.fileno()).st_size
                if size > total:
                    raise ValueError("its head is longer than the file")
                header: dict[str, TensorHeader] = json.loads(file.read(size))
            self.tokens = _extent(header["tokens"], 8 + size, total)
            self.offsets = _extent(header["offsets"], 8 + size, total)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise UserError(f"{path} is not a shard of tokens: {error!r}") from error

    def map(self) -> MappedShard:
        """Map the tensors; once for both, since a mapping holds one of the process's open files."""
        data = np.asarray(np.memmap(self.path, np.uint8, "r"))
        return MappedShard(self.tokens.of(data), self.offsets.of(data))


def _extent(header: TensorHeader, start: int, total: int) -> _Extent:
    begin, end = header["data_offsets"]
    if start + end > total:
        raise ValueError("the file is cut short")
    dtype = np.dtype(_DTYPES[header["dtype"]])
    return _Extent(start + begin, (end - begin) // dtype.itemsize, dtype)
