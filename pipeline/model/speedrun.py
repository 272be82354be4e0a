"""What the speedrun family adds to a transformer: embeddings of the last 2, 3, … tokens.

In: token ids. Out: a vector added to each token's embedding: the 2-gram, 3-gram, … that ends at the
token is hashed to a row of a table, the rows are joined and projected to the model's width (as
hash embeddings, arXiv 1709.03933; modded-nanogpt's bigram table). A look-up costs no product, and
most of what a model learns early in training are counts of short contexts: on tiny Shakespeare by
character (82,000 tokens, one layer) 1.84 nats a character with 2-, 3- and 4-gram tables, 2.28
without.
"""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model.config import ModelConfig
from pipeline.model.kv_cache import KVCache

PRIME = (1 << 31) - 1  # products of two residues stay below 2^63
BASE = 1_000_003  # of the rolling hash; never the vocabulary's size, which may grow later


@dataclasses.dataclass(frozen=True)
class NgramWeights:
    """The tables, ready for look-ups."""

    rows: tuple[int, ...]  # of the 2-grams' table, the 3-grams', …
    table: Tensor  # [sum of rows, ngram_width] float32
    project: Tensor  # [width, tables * ngram_width] in compute dtype

    def embed(
        self,
        tokens: Tensor,  # [batch, seq]
        document_ids: Tensor | None = None,  # [batch, seq]
        cache: KVCache | None = None,
    ) -> Tensor:  # [batch, seq, width] in compute dtype
        """What is added to the tokens' embeddings; with a cache, after the tokens it has read."""
        before = None
        if cache is not None and cache.recent is not None:
            before = cache.recent
            cache.window = torch.cat([before, tokens], dim=1)
        ids = ngram_ids(tokens, self.rows, document_ids, before)
        found = F.embedding(ids, self.table).flatten(-2)  # [batch, seq, tables * ngram_width]
        return F.linear(found.to(self.project.dtype), self.project)


class Ngrams(nn.Module):
    """The parameters: `table` learns by its own rule (training.optimizers), `project` by Muon."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.rows = c.ngram_rows
        self.table = nn.Embedding(sum(c.ngram_rows), c.ngram_width)
        self.project = nn.Linear(len(c.ngram_rows) * c.ngram_width, c.width, bias=False)

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Empty tables; a projection of variance 1/inputs, uniform."""
        self.table.weight.zero_()
        bound = (3.0 / self.project.in_features) ** 0.5
        draw = torch.rand(self.project.weight.shape, generator=generator)
        self.project.weight.copy_((draw * 2 - 1) * bound)

    def cast(self, dtype: torch.dtype) -> NgramWeights:
        """The weights, ready for products in a dtype."""
        return NgramWeights(self.rows, self.table.weight, self.project.weight.to(dtype))


def ngram_ids(
    tokens: Tensor,  # [batch, seq]
    rows: tuple[int, ...],
    document_ids: Tensor | None = None,  # [batch, seq]
    before: Tensor | None = None,  # [batch, tables]
) -> Tensor:  # [batch, seq, tables]
    """The rows, in the joint table, of the n-grams that end at each token.

    Args:
        tokens: ids.
        rows: of each table.
        document_ids: tokens of another document count as none.
        before: the tokens in front of `tokens`, -1 where there is none.
    """
    count, reach = tokens.shape[1], len(rows)
    if before is None:
        before = tokens.new_full((len(tokens), reach), -1)
    line = torch.cat([before, tokens], dim=1) + 1  # [batch, tables + seq]
    hashed, found, offset = line[:, reach:], [], 0
    for back, size in enumerate(rows, start=1):
        earlier = line[:, reach - back : reach - back + count]
        if document_ids is not None:
            same = document_ids[:, back:] == document_ids[:, : max(0, count - back)]
            earlier = earlier * F.pad(same, (count - same.shape[1], 0))
        hashed = (hashed + earlier * pow(BASE, back, PRIME)) % PRIME
        found.append(hashed % size + offset)
        offset += size
    return torch.stack(found, dim=-1)
