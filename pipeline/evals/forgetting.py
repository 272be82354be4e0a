"""What a stage cost: how far the tuned model moved from the one it began with.

In: the model, its base, held-out pages, held-out conversations. Out: rows of suite `forgetting`:

- `pages`, `bits_per_byte_change`: the tuned model's bits per byte of the pages / the base's - 1, so
  3% is 0.03; over the same pages, hence an interval narrower than those of the two figures. Of a
  page what the context holds is read.
- `pages` and `conversations`, `kl_nats`: KL(base || tuned), nats a token, mean over the tokens of
  pages, and over the assistant's tokens of conversations. The latter follows what a model forgets
  whatever the algorithm ("RL's Razor", Shenfeld et al. 2025, arXiv 2509.04259).

The base reads conversations as fine-tuning found it: rows that it lacks are the mean of the others.
A softmax over both models' whole vocabulary, in float32; logits exist for a chunk of tokens at a
time. Intervals are the bootstrap's over documents.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.evals.asking import Scores, Subject
from pipeline.intervals import bootstrap_ratio
from pipeline.model import Transformer
from pipeline.model.engine import Moved, unwatched
from pipeline.model.weights import Weights
from pipeline.training.data_loader import RowPart, collate

SUITE = "forgetting"
ROWS_AT_ONCE = 32
CHUNK_TOKENS = 1024


@dataclasses.dataclass(frozen=True)
class Divergence:
    """Of documents, sums over their tokens."""

    kl: np.ndarray  # [documents] float64: KL(base || tuned), nats
    base: np.ndarray  # [documents] float64: nats of the text under the base
    tuned: np.ndarray  # [documents] float64: and under the tuned model
    tokens: np.ndarray  # [documents] int64


@torch.inference_mode()
def divergence(
    base: Transformer,
    tuned: Transformer,
    documents: Sequence[RowPart],
    pad_token: int,
    moved: Moved = unwatched,
) -> Divergence:
    """Read documents with both models, both in memory.

    Args:
        base: with at least as many rows as the documents' ids need.
        tuned: of the same vocabulary, at least.
        documents: tokens, of which those count that are marked as learned; what is beyond either
            model's context is left out.
        pad_token: for the end of a row.
        moved: called at each piece of work, for a watchdog.
    """
    context = min(base.config.max_context, tuned.config.max_context)
    parts = [RowPart(p.tokens[: context + 1], p.learned[: context + 1]) for p in documents]
    sums = np.zeros((3, len(parts)))
    counts = np.zeros(len(parts), dtype=np.int64)
    models = [(model, model.cast_weights()) for model in (base, tuned)]
    order = sorted(range(len(parts)), key=lambda n: (-len(parts[n].tokens), n))  # little padding
    for start in range(0, len(order), ROWS_AT_ONCE):
        moved("documents")
        group = order[start : start + ROWS_AT_ONCE]
        longest = len(parts[group[0]].tokens)
        batch = collate([[parts[n]] for n in group], longest, pad_token, False).to(tuned.device)
        rows, at = batch.loss_mask.nonzero(as_tuple=True)  # [positions] each
        hidden = [model.hidden(batch.tokens, weights=w)[rows, at] for model, w in models]
        targets = batch.targets[rows, at]
        found = torch.cat(
            [
                _compare([h[s] for h in hidden], [w for _, w in models], targets[s])
                for s in _slices(len(rows))
            ],
            dim=1,
        )  # [3, positions]
        owner = torch.tensor(group, device=rows.device)[rows].cpu().numpy()
        for sum_, values in zip(sums, found.double().cpu().numpy()):
            np.add.at(sum_, owner, values)
        np.add.at(counts, owner, 1)
    moved("")
    return Divergence(kl=sums[0], base=sums[1], tuned=sums[2], tokens=counts)


def _compare(
    hidden: list[Tensor],  # of base and tuned, [positions, width]
    weights: list[Weights],
    targets: Tensor,  # [positions]
) -> Tensor:  # [3, positions] float32
    """KL, and both models' nats of the targets."""
    vocab = min(len(w.head) for w in weights)
    base, tuned = (w.logits(h)[:, :vocab].float().log_softmax(-1) for h, w in zip(hidden, weights))
    kl = (base.exp() * (base - tuned)).sum(-1)
    index = targets[:, None]
    return torch.stack([kl, -base.gather(1, index)[:, 0], -tuned.gather(1, index)[:, 0]])


def _slices(count: int) -> list[slice]:
    return [slice(start, start + CHUNK_TOKENS) for start in range(0, max(count, 1), CHUNK_TOKENS)]


def measure(
    subject: Subject,
    base: Transformer,
    pages: Sequence[str],
    conversations: Sequence[RowPart],
    scores: Scores,
) -> None:
    """Add the rows of the table.

    Args:
        subject: the tuned model.
        base: the model that it began with; its vocabulary is grown in place.
        pages: held-out texts.
        conversations: held-out conversations, rendered, the assistant's tokens marked.
        scores: take the rows.
    """
    config, tokenizer = subject.config, subject.tokenizer
    if base.config.vocab_size < subject.model.config.vocab_size:
        base.grow_vocabulary(subject.model.config.vocab_size)
    base.eval()
    texts = []
    for ids in tokenizer.encode_batch(list(pages)):
        tokens = np.array([tokenizer.document_token, *ids], dtype=np.int64)
        texts.append(RowPart(tokens, np.ones(len(tokens), dtype=np.int64)))
    for task, documents in (("pages", texts), ("conversations", list(conversations))):
        pad = tokenizer.document_token
        found = divergence(base, subject.model, documents, pad, subject.moved)
        used = found.tokens > 0
        n = int(used.sum())
        if n == 0:
            continue
        kl, tokens = found.kl[used], found.tokens[used]
        value = float(kl.sum() / tokens.sum())
        low, high = bootstrap_ratio(kl, tokens, config.bootstrap_samples, config.seed)
        scores.add(SUITE, task, "kl_nats", value, low, high, n)
        if task == "pages":
            own, before = found.tuned[used], found.base[used]
            low, high = bootstrap_ratio(own, before, config.bootstrap_samples, config.seed)
            value = float(own.sum() / before.sum()) - 1.0
            scores.add(SUITE, task, "bits_per_byte_change", value, low - 1.0, high - 1.0, n)
