"""Decoding over a cache of fixed shapes, and the graph itself where there is a GPU."""

from typing import Any

import pytest
import torch

from pipeline.model import cuda_graph
from pipeline.model.engine import Engine
from pipeline.model.kv_cache import KVCache

PROMPT = [1, 2, 3, 4]


def greedy(model, fixed):
    cache = KVCache.empty(model.config, 2, 20, torch.float32)
    model.hidden(torch.tensor([PROMPT, PROMPT[::-1]]), cache=cache)
    cache.advance(torch.tensor([4, 4]))
    cache.fixed = fixed
    lengths = cache.lengths
    step = cuda_graph.step(model, model.cast_weights(), cache)
    chosen, logits = torch.tensor([5, 6]), []
    for _ in range(12):
        logits.append(step(chosen, torch.ones(2, dtype=torch.int64)))
        chosen = logits[-1].argmax(-1)
    assert (lengths.data_ptr() == cache.lengths.data_ptr()) is fixed
    return torch.stack(logits)


@torch.no_grad()
def test_fixed_shapes_change_nothing(make_model):
    model = make_model()
    torch.testing.assert_close(greedy(model, True), greedy(model, False), atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_graph_draws_what_the_cpu_draws(make_model):
    model = make_model()
    settings: dict[str, Any] = {
        "samples": 3,
        "max_new_tokens": 20,
        "temperature": 0,
        "stop_tokens": (3, 9),
    }
    expected = Engine(model).generate([PROMPT, [7], [8, 9]], **settings)
    got = Engine(model.to("cuda")).generate([PROMPT, [7], [8, 9]], **settings)
    assert [[c.tokens for c in cs] for cs in got] == [[c.tokens for c in cs] for cs in expected]
