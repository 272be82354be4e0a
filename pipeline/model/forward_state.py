"""All that a model computes for one token: residual stream, attention, what each layer would say.

In: token ids. Out: the state of the last of them. What comes before it in a document is the state
of an earlier token, since no token sees a later one. The pass is the model's own, step by step;
the shares of attention are worked out beside it, from the queries and keys that it attends with.

The lens reads each layer's residual through the last norm and the head, as if no layer came after
it (nostalgebraist, "interpreting GPT: the logit lens", 2020); the last one is what the model says.
"""

import dataclasses

import torch
from torch import Tensor

from pipeline.model.functions import norm
from pipeline.model.transformer import Attend, PositionEncoder, Transformer
from pipeline.model.weights import LayerWeights


@dataclasses.dataclass(frozen=True)
class ForwardState:
    """Of one token, on the CPU in float32."""

    # The residual stream at the token: its embedding, then what it is after each layer.
    hidden: Tensor  # [layers + 1, width]
    logits: Tensor  # [layers + 1, vocab], of each of them through the last norm and the head
    attention: Tensor  # [layers, heads, seq]: how much of each token's value a head takes

    @property
    def next_logits(self) -> Tensor:  # [vocab]
        """The model's, for the token that comes next."""
        return self.logits[-1]


@torch.no_grad()
def forward_state(model: Transformer, tokens: list[int]) -> ForwardState:
    """The state of the last token.

    Args:
        model: of any family, read and not changed.
        tokens: ids, at least one.

    Raises:
        ValueError: there are more tokens than the model's context.
    """
    stream: list[Tensor] = []
    shares: list[Tensor] = []

    def watched(
        x: Tensor, w: LayerWeights, index: int, encode: PositionEncoder, attend: Attend
    ) -> Tensor:
        def noted(layer: int, qk: Tensor, v: Tensor) -> Tensor:
            shares.append(_shares(qk[0], v.shape[2]))
            return attend(layer, qk, v)

        if not stream:
            stream.append(x[0, -1])
        after = model.layer_step(x, w, index, encode, noted)
        stream.append(after[0, -1])
        return after

    weights = model.lazy_weights()
    model.hidden(torch.tensor([tokens], device=model.device), weights=weights, step=watched)
    hidden = torch.stack(stream)
    logits = weights.logits(norm(hidden, model.config.parts.norm, model.config.norm_eps))
    return ForwardState(hidden.float().cpu(), logits.float().cpu(), torch.stack(shares).cpu())


def entropy_bits(
    log_probabilities: Tensor,  # [..., vocab]
) -> Tensor:  # [...]
    """How open a choice is, in bits; what can't come counts as nothing."""
    finite = log_probabilities.clamp_min(torch.finfo(log_probabilities.dtype).min)
    return -(finite.exp() * finite).sum(-1) / torch.log(torch.tensor(2.0))


def _shares(
    qk: Tensor,  # [seq, heads + kv_heads, head_dim], as `Transformer` hands them to attention
    kv_heads: int,
) -> Tensor:  # [heads, seq] float32
    """The last token's attention; it may look at every token."""
    heads = qk.shape[1] - kv_heads
    queries = qk[-1, :heads].float().view(kv_heads, heads // kv_heads, -1)
    keys = qk[:, heads:].float().permute(1, 2, 0)  # [kv_heads, head_dim, seq]
    return (queries @ keys).softmax(-1).flatten(0, 1)
