"""Flash attention over packed documents on a GPU: no mask, no scores between documents.

All rows of a batch are read as one sequence of documents of different lengths, which torch's
variable-length kernel takes as borders. Their number is padded to a power of two with empty
documents, so that torch.compile sees few shapes.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipeline.model import device as devices

MIN_BORDERS = 256  # and powers of two above


class Borders(NamedTuple):
    """Where documents begin in the batch's flattened tokens, and the most tokens one may have."""

    starts: Tensor  # [documents + 1] int32, the last ones all the number of tokens
    longest: int


def is_supported(dtype: torch.dtype, device: torch.device, head_dim: int) -> bool:
    """Whether the kernel exists for tensors of this type, device and head size."""
    if not devices.on_cuda(device) or dtype not in (torch.bfloat16, torch.float16):
        return False
    return (
        head_dim % 8 == 0 and head_dim <= 256 and torch.cuda.get_device_capability(device)[0] >= 8
    )


def borders(
    document_ids: Tensor,  # [batch, seq]
) -> Borders:
    """The borders between documents; a row's start is always one."""
    rows, count = document_ids.shape
    begins = torch.ones_like(document_ids, dtype=torch.bool)
    begins[:, 1:] = document_ids[:, 1:] != document_ids[:, :-1]
    found = begins.flatten().nonzero().squeeze(1)  # [documents]
    size = MIN_BORDERS
    while size < len(found) + 1:
        size *= 2
    starts = torch.full((size,), rows * count, dtype=torch.int32, device=document_ids.device)
    starts[: len(found)] = found
    return Borders(starts, count)


def attend_documents(
    qk: Tensor,  # [batch, seq, heads + kv_heads, head_dim]
    v: Tensor,  # [batch, seq, kv_heads, head_dim]
    documents: Borders,
) -> Tensor:  # [batch, seq, heads * head_dim]
    """Causal attention within documents; queries come already scaled."""
    from torch.nn.attention.varlen import varlen_attn

    heads = qk.shape[2] - v.shape[2]
    # [batch * seq, heads, head_dim] and [batch * seq, kv_heads, head_dim]
    q, k = qk.flatten(0, 1).split([heads, v.shape[2]], dim=1)
    y: Any = varlen_attn(
        q,
        k,
        v.flatten(0, 1),
        documents.starts,
        documents.starts,
        documents.longest,
        documents.longest,
        scale=1.0,
        window_size=(-1, 0),
        enable_gqa=heads != v.shape[2],
    )
    attended: Tensor = y.view(*qk.shape[:2], -1)
    return attended
