"""One decoding step as a CUDA graph: its hundred small kernels are launched as one.

In: a model, its weights and a cache. Out: a callable from tokens to logits that replays what was
recorded. Shapes and addresses must not change, so attention goes over the cache's whole capacity
and lengths are counted in place; dropping rows means recording again.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.model import device as devices
from pipeline.model.kv_cache import KVCache
from pipeline.model.transformer import Transformer, Weights

# Tokens [rows] to logits [rows, vocab]; the cache is advanced by each row's count [rows], 1 or 0.
Step = Callable[[Tensor, Tensor], Tensor]


def step(model: Transformer, weights: Weights, cache: KVCache) -> Step:
    """The decoding step: a recorded graph where that is possible, else kernels launched singly."""
    if cache.recent is None and devices.on_cuda(model.device):
        return record(model, weights, cache)

    def plain(tokens: Tensor, counts: Tensor) -> Tensor:
        logits = model(tokens[:, None], cache=cache, weights=weights)[:, 0]
        cache.advance(counts)
        return logits

    return plain


def record(model: Transformer, weights: Weights, cache: KVCache) -> Step:
    """Record the decoding step as a CUDA graph.

    The warm-up writes its keys where the first real token overwrites them.
    """
    cache.fixed = True
    tokens = torch.zeros(cache.rows, 1, dtype=torch.int64, device=model.device)

    def forward() -> Tensor:
        return model(tokens, cache=cache, weights=weights)[:, 0]

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        forward()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = forward()

    def replay(chosen: Tensor, counts: Tensor) -> Tensor:
        tokens.copy_(chosen[:, None])
        graph.replay()
        cache.advance(counts)
        return logits

    return replay
