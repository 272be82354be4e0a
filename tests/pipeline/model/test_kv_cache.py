"""What a cache holds, position by position, with rows of different lengths."""

import pytest
import torch

from pipeline.model import ModelConfig
from pipeline.model.kv_cache import KVCache

# 50 tokens, `layers`, width 8, 2 heads, 1 for keys and values, head_dim 4
ONE, TWO = (ModelConfig(50, layers, 8, 2, 1, 4, 16, 32) for layers in (1, 2))


def marked(rows: int, steps: int, first: float) -> torch.Tensor:
    """[rows, steps, 1, 4]: each vector is four times its own number."""
    numbers = torch.arange(rows * steps, dtype=torch.float32) + first
    return numbers.view(rows, steps, 1, 1).expand(rows, steps, 1, 4)


def held(cache: KVCache, layer: int = 0) -> list[list[float]]:
    return cache.keys[layer][:, 0, :, 0].tolist()


@pytest.mark.parametrize("config", [ONE, TWO])
def test_its_shape(config: ModelConfig) -> None:
    cache = KVCache.empty(config, 3, 7, torch.bfloat16)
    assert (cache.rows, cache.capacity, cache.dtype) == (3, 7, torch.bfloat16)
    assert len(cache.keys) == len(cache.values) == config.layers
    assert {tensor.shape for tensor in (*cache.keys, *cache.values)} == {(3, 1, 7, 4)}
    assert cache.lengths.tolist() == [0, 0, 0]
    assert cache.recent is None
    assert not cache.fixed


def test_rows_grow_from_the_left_each_by_its_own_count() -> None:
    cache = KVCache.empty(TWO, 2, 4, torch.float32)
    cache.write(0, marked(2, 3, 1), -marked(2, 3, 1))
    cache.advance(torch.tensor([3, 1]))
    assert held(cache) == [[1, 2, 3, 0], [4, 5, 6, 0]]
    assert held(cache, 1) == [[0] * 4] * 2
    cache.write(0, marked(2, 1, 8), -marked(2, 1, 8))  # padding is written over
    cache.advance(1)
    assert held(cache) == [[1, 2, 3, 8], [4, 9, 6, 0]]
    assert torch.equal(cache.values[0], -cache.keys[0])
    assert cache.lengths.tolist() == [4, 2]


def test_padding_past_the_capacity_falls_on_the_last_position() -> None:
    cache = KVCache.empty(ONE, 2, 4, torch.float32)
    cache.write(0, marked(2, 3, 1), marked(2, 3, 1))
    cache.advance(torch.tensor([3, 1]))
    cache.write(0, marked(2, 2, 11), marked(2, 2, 11))
    assert held(cache)[0][:3] == [1, 2, 3]
    assert held(cache)[0][3] in (11, 12)  # either: nothing sees it
    assert held(cache)[1] == [4, 13, 14, 0]


@pytest.mark.parametrize("capacity", [3, 4, 6])
def test_rows_of_another_cache_are_put_as_far_as_there_is_room(capacity: int) -> None:
    cache = KVCache.empty(ONE, 3, 4, torch.float32)
    other = KVCache.empty(ONE, 2, capacity, torch.float32)
    other.write(0, marked(2, 3, 1), marked(2, 3, 1))
    other.advance(torch.tensor([3, 2]))
    cache.put([2, 0], other, [0, 1])
    assert held(cache) == [[4, 5, 6, 0], [0, 0, 0, 0], [1, 2, 3, 0]]
    assert torch.equal(cache.values[0], cache.keys[0])
    assert cache.lengths.tolist() == [2, 0, 3]


def test_rows_are_selected_in_any_order_and_twice() -> None:
    cache = KVCache.empty(ONE, 2, 4, torch.float32)
    cache.write(0, marked(2, 3, 1), -marked(2, 3, 1))
    cache.advance(torch.tensor([3, 2]))
    chosen = cache.select(torch.tensor([1, 0, 1]))
    assert held(chosen) == [[4, 5, 6, 0], [1, 2, 3, 0], [4, 5, 6, 0]]
    assert torch.equal(chosen.values[0], -chosen.keys[0])
    assert chosen.lengths.tolist() == [2, 3, 2]
    chosen.advance(1)
    assert cache.lengths.tolist() == [3, 2], "a copy"


def test_a_fixed_one_keeps_its_lengths_where_they_are() -> None:
    cache = KVCache.empty(ONE, 2, 4, torch.float32)
    before = cache.lengths
    cache.advance(1)
    assert cache.lengths is not before
    cache.fixed, before = True, cache.lengths
    cache.advance(2)
    assert cache.lengths is before
    assert before.tolist() == [3, 3]
