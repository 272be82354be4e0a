"""A token's forward state as the playground shows it: numbers of what counts, tokens by name.

In: `ForwardState`, the tokens, the dials of sampling. Out: plain data for a template or JSON.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.model import sampling
from pipeline.model.forward_state import ForwardState, entropy_bits
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.show import pieces_of

NEXT_SHOWN = 15  # of the tokens that may come next, the likeliest; ours
LENS_SHOWN = 5  # of what a layer would say
STRONGEST = 3  # tokens that a head looks at, for those who read them as a table
COLUMNS = 64  # the last tokens, which a head's row shows one by one
MOST_CELLS = 30_000  # of all heads' rows together: a browser lays out so many at once
DIGITS = 5  # of a number, that count; of a cell of the map one less, after the point

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Dials:
    """How the next token is drawn; see `sampling.log_probs`."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int


def forward_view(
    state: ForwardState, tokens: list[int], after: int | None, tokenizer: Tokenizer, dials: Dials
) -> dict[str, Any]:
    """What there is to see at a token.

    Args:
        state: of the last of `tokens`.
        tokens: ids, up to the token.
        after: the token that comes next in the document; None: it ends here.
        tokenizer: the model's.
        dials: of the draw.
    """
    names = _Names(tokenizer)
    return {
        "next": _next(state.next_logits, tokens, after, names, dials),
        "lens": _lens(state.logits, names),
        "attention": _attention(state.attention),
    }


class _Names:
    """Of tokens; a vocabulary that was padded has ids without any."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def of(self, id: int) -> Row:
        if id >= len(self.tokenizer.token_bytes):
            return {"id": id, "text": None, "bytes": ""}
        return pieces_of(self.tokenizer, [id])[0]


def _next(
    logits: Tensor,  # [vocab]
    tokens: list[int],
    after: int | None,
    names: _Names,
    dials: Dials,
) -> dict[str, Any]:
    """The distribution as the model has it (p) and as it is drawn from (q)."""
    own = torch.log_softmax(logits, -1)
    drawn_from = sampling.log_probs(
        logits, dials.temperature, dials.top_k, dials.top_p, dials.min_p
    )
    p, q = own.exp(), drawn_from.exp()
    if dials.temperature == 0:
        drawn = int(sampling.greedy(drawn_from))
        q = torch.zeros_like(q)
        q[drawn] = 1.0
    else:
        # The draw that the engine makes for a prompt of these tokens and one more token.
        key = sampling.row_key(dials.seed, tokens, 0, 0)
        uniform = sampling.uniforms(torch.tensor([key], dtype=torch.uint64).numpy(), 0)
        drawn = int(sampling.sample(drawn_from, torch.from_numpy(uniform)[0]))
    ids: list[int] = p.topk(min(NEXT_SHOWN, len(p))).indices.tolist()
    ids += [id for id in dict.fromkeys((after, drawn)) if id is not None and id not in ids]
    rows = [
        {**names.of(id), "p": _digits(p[id]), "q": _digits(q[id]), "rank": _rank(p, id)}
        for id in ids
    ]
    return {
        "rows": rows,
        "rest": {
            "count": len(p) - len(ids),
            "p": _digits((1 - p[ids].double().sum()).clamp_min(0)),
            "q": _digits((1 - q[ids].double().sum()).clamp_min(0)),
        },
        "entropy": _digits(entropy_bits(own)),
        "drawn_entropy": _digits(entropy_bits(q.log())),
        "kept": int((q > 0).sum()),
        "vocabulary": len(p),
        "drawn": names.of(drawn),
        "after": after,
    }


def _rank(p: Tensor, id: int) -> int:
    """From 1, the likeliest."""
    return int((p > p[id]).sum()) + 1


def _lens(
    logits: Tensor,  # [layers + 1, vocab]
    names: _Names,
) -> list[Row]:
    """A row for the embedding and one for each layer."""
    table = torch.log_softmax(logits, -1)
    said = int(table[-1].argmax())
    best = table.exp().topk(min(LENS_SHOWN, table.shape[1]), dim=-1)
    entropies = entropy_bits(table).tolist()
    return [
        {
            "layer": layer,
            "entropy": _digits(entropies[layer]),
            "said": _digits(table[layer, said].exp()),  # of what the model says in the end
            "top": [{**names.of(id), "p": _digits(p)} for id, p in zip(ids, shares)],
        }
        for layer, (ids, shares) in enumerate(zip(best.indices.tolist(), best.values.tolist()))
    ]


def _attention(
    shares: Tensor,  # [layers, heads, seq]
) -> dict[str, Any]:
    """Each head's shares of the last tokens, of all before them together, and the strongest."""
    layers, heads, count = shares.shape
    columns = min(count, COLUMNS, max(1, MOST_CELLS // (layers * heads)))
    first = count - columns
    best = shares.topk(min(STRONGEST, count), dim=-1)
    return {
        "first": first,  # the token of the first column
        "shares": _table(shares[..., first:]),
        "earlier": _table(shares[..., :first].sum(-1)),
        "strongest": [
            [
                [
                    {"at": at, "share": _digits(share)}
                    for at, share in zip(best.indices[i, j].tolist(), best.values[i, j].tolist())
                ]
                for j in range(heads)
            ]
            for i in range(layers)
        ],
    }


def _digits(value: Tensor | float) -> float:
    return float(f"{float(value):.{DIGITS}g}")


def _table(values: Tensor) -> Any:
    """Lists of numbers that JSON says shortly."""

    def short(part: Any) -> Any:
        if isinstance(part, Sequence):
            return [short(one) for one in part]
        return round(part, DIGITS - 1)

    return short(values.tolist())
