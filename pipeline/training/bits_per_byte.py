"""Bits per byte: nats over all tokens of the documents / (ln 2 * UTF-8 bytes); vocabulary-free.

Each document starts with its document token, which is not predicted and has no bytes, and is read
in windows of `context` tokens with stride `context`. Nats and bytes come per document, so that an
evaluation can bootstrap over documents.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from pipeline.model import Transformer
from pipeline.model.engine import Moved, unwatched
from pipeline.training import distribution
from pipeline.training.data_loader import Batch
from pipeline.training.loss import token_loss


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Of each document."""

    nats: np.ndarray  # [documents] float64
    bytes: np.ndarray  # [documents] int64, of UTF-8
    tokens: np.ndarray  # [documents] int64, those that are predicted

    @property
    def bits_per_byte(self) -> float:
        """Over all documents together; NaN where there is no byte."""
        return ratio(float(self.nats.sum()), float(self.bytes.sum()))


def ratio(nats: float, bytes_: float) -> float:
    """Nats and bytes to bits per byte; NaN for no bytes."""
    return nats / (math.log(2) * bytes_) if bytes_ else math.nan


def measure(
    model: Transformer,
    documents: Sequence[np.ndarray],
    token_bytes: Sequence[bytes],
    context: int,
    *,
    tokens_per_batch: int = 8192,
    chunk_tokens: int = 1024,
    moved: Moved = unwatched,
) -> Measurement:
    """Measure the nats, bytes and tokens of each document.

    Args:
        model: on any device; is left in the mode it was in.
        documents: [tokens] ids each, which begin with the document token.
        token_bytes: the bytes of each id.
        context: tokens of a window.
        tokens_per_batch: tokens read at once, padding included; one window at least.
        chunk_tokens: positions whose logits exist at the same time.
        moved: called at each piece of work, for a watchdog.
    """
    byte_lengths = np.array([len(token) for token in token_bytes], dtype=np.int64)
    nats = np.zeros(len(documents))
    for group, per_token in read(model, documents, context, tokens_per_batch, chunk_tokens, moved):
        sums = per_token.double().sum(dim=1).tolist()
        for (_, index, _), value in zip(group, sums):
            nats[index] += value
    return Measurement(
        nats,
        np.array([int(byte_lengths[document[1:]].sum()) for document in documents], dtype=np.int64),
        np.array([max(0, len(document) - 1) for document in documents], dtype=np.int64),
    )


def read(
    model: Transformer,
    documents: Sequence[np.ndarray],
    context: int,
    tokens_per_batch: int = 8192,
    chunk_tokens: int = 1024,
    moved: Moved = unwatched,
) -> Iterator[tuple[list[tuple[int, int, int]], torch.Tensor]]:
    """Read documents in windows, longest windows first.

    The arguments are those of `measure`.

    Yields:
        A batch's windows, each its length, the index of its document and its start there, and
        [windows, longest] float32 nats of their tokens, 0 in the padding.
    """
    windows = [
        (min(context, len(document) - 1 - start), index, start)
        for index, document in enumerate(documents)
        for start in range(0, len(document) - 1, context)
    ]
    windows.sort(key=lambda window: (-window[0], window[1], window[2]))  # little padding
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    moved("weights")
    with torch.no_grad():  # once, and in all processes at the same time: shards are gathered here
        cast = model.cast_weights()
    at = 0
    while at < len(windows):
        rows = max(1, tokens_per_batch // windows[at][0])
        group = windows[at : at + rows]
        at += rows
        moved("pages")
        batch = _batch(documents, group).to(device)
        with torch.inference_mode():
            _, per_token = token_loss(model, batch, chunk_tokens=chunk_tokens, cast=cast)
        yield group, per_token
    moved("")
    model.train(was_training)


def measure_shared(
    model: Transformer,
    documents: Sequence[np.ndarray],
    token_bytes: Sequence[bytes],
    context: int,
    moved: Moved = unwatched,
) -> float:
    """Bits per byte of documents that are dealt out to all processes.

    The arguments are those of `measure`.

    Returns:
        The same number in every process.
    """
    own = documents[distribution.rank() :: distribution.world()]
    part = measure(model, own, token_bytes, context, moved=moved)
    device = next(model.parameters()).device
    moved("sums")
    nats, bytes_ = distribution.sum_numbers(
        [float(part.nats.sum()), float(part.bytes.sum())], device
    )
    moved("")
    return ratio(nats, bytes_)


def _batch(documents: Sequence[np.ndarray], windows: list[tuple[int, int, int]]) -> Batch:
    """[windows, longest] padded on the right, where causal attention can't see the padding.

    Args:
        documents: all of them.
        windows: length, document and start of each; the longest first.
    """
    longest = windows[0][0]
    tokens = np.zeros((len(windows), longest + 1), dtype=np.int64)
    mask = np.zeros((len(windows), longest), dtype=np.int64)
    for row, (length, index, start) in enumerate(windows):
        tokens[row, : length + 1] = documents[index][start : start + length + 1]
        mask[row, :length] = 1
    return Batch(
        torch.from_numpy(tokens[:, :-1].copy()),
        torch.from_numpy(tokens[:, 1:].copy()),
        torch.from_numpy(mask),
        None,
    )
