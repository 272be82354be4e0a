"""The dial: what follows from a number of layers, and that whatever is set besides stays."""

import math
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.config import PRESETS, RunConfig, load
from pipeline.model.config import ModelConfig
from pipeline.training.batch_sizes import seen_rows
from pipeline.training.config import LoopConfig
from pipeline.training.depth import (
    REFERENCE_BATCH,
    ROWS_OF,
    SMALL,
    dial,
    matrix_parameters,
)
from pipeline.training.shape import model_config
from storage.errors import UserError

CONTEXT = {"shape": {"context": 2048, "family": "qwen3"}}


def test_twelve_layers_are_the_reference() -> None:
    tables = dial(12, 32_768, 12.0, CONTEXT)
    shape, loop, optimizer = tables["shape"], tables["loop"], tables["optimizer"]
    assert (shape["layers"], shape["width"], shape["heads"], shape["head_dim"]) == (12, 768, 6, 128)
    assert shape["ffn_width"] == 2048
    assert loop["rows_per_step"] * 2048 == REFERENCE_BATCH
    assert optimizer["matrix_lr"] == pytest.approx(0.02)
    assert optimizer["weight_decay"] == pytest.approx(0.1)
    # 12 tokens for each of 110M weights: 12 x (4 x 768^2 + 3 x 768 x 2048) + 32,768 x 768
    assert loop["steps"] * REFERENCE_BATCH == pytest.approx(12 * 110_100_480, rel=1e-3)


@settings(max_examples=60)
@given(
    depth=st.integers(SMALL, 40),
    vocab=st.sampled_from([4096, 32_768, 65_536]),
    ratio=st.floats(5, 40),
    context=st.sampled_from([512, 1024, 2048, 4096]),
    family=st.sampled_from(["qwen3", "speedrun"]),
)
def test_the_laws_hold_at_every_depth(
    depth: int, vocab: int, ratio: float, context: int, family: str
) -> None:
    fixed = {"shape": {"context": context, "family": family}}
    tables = dial(depth, vocab, ratio, fixed)
    shape, loop, optimizer = tables["shape"], tables["loop"], tables["optimizer"]
    assert shape["heads"] * shape["head_dim"] == shape["width"] >= 64 * depth
    assert shape["width"] - 64 * depth < shape["head_dim"]
    batch = loop["rows_per_step"] * context
    tokens = ratio * matrix_parameters(shape, vocab)
    assert loop["rows_per_step"] % ROWS_OF == 0
    assert 1 <= loop["micro_rows"] <= loop["rows_per_step"]
    assert loop["steps"] * batch == pytest.approx(tokens, rel=0.02)
    assert optimizer["matrix_lr"] == pytest.approx(0.02 * math.sqrt(batch / REFERENCE_BATCH))
    twelve = matrix_parameters(dial(12, 32_768, ratio, fixed)["shape"], 32_768)
    law = REFERENCE_BATCH * (tokens / (ratio * twelve)) ** 0.383
    assert law / 2 < batch < law * 2


def test_a_ramp_that_is_set_leaves_the_tokens_as_they_are() -> None:
    flat = dial(12, 32_768, 12.0, CONTEXT)["loop"]
    assert flat["first_rows"] == 0
    rows = flat["rows_per_step"]
    ramp = {"first_rows": rows // 4, "ramp_fraction": 0.5}
    loop = dial(12, 32_768, 12.0, {**CONTEXT, "loop": ramp})["loop"]
    assert loop["first_rows"] == rows // 4
    assert loop["rows_per_step"] == rows
    seen = seen_rows(LoopConfig(**loop))
    assert seen == pytest.approx(flat["steps"] * rows, rel=2e-3)


def test_what_is_fixed_stays_and_the_rest_follows() -> None:
    free = dial(12, 32_768, 12.0, CONTEXT)
    fixed: dict[str, dict[str, Any]] = {
        "shape": {**CONTEXT["shape"], "width": 1024, "kv_heads": 2},
        "loop": {"rows_per_step": 64},
        "optimizer": {"head_lr": 0.5},
    }
    tables = dial(12, 32_768, 12.0, fixed)
    assert tables["shape"]["heads"] == 8
    assert tables["shape"]["kv_heads"] == 2
    assert tables["loop"]["rows_per_step"] == 64
    assert tables["optimizer"]["head_lr"] == 0.5
    assert tables["optimizer"]["matrix_lr"] == pytest.approx(0.02 * math.sqrt(64 * 2048 / 2**19))
    assert tables["loop"]["steps"] > 4 * free["loop"]["steps"]  # more weights, smaller batches


def test_nonsense_is_refused() -> None:
    with pytest.raises(UserError, match="must be above 0"):
        dial(-1, 32_768, 12.0, CONTEXT)
    with pytest.raises(UserError, match="must be above 0"):
        load("gpu", ["pretrain.tokens_per_parameter=0"])


@pytest.mark.parametrize("family", ["qwen3", "speedrun"])
@pytest.mark.parametrize("name", ["gpu", "gpu8"])
def test_the_dial_counts_as_the_model_does(name: str, family: str) -> None:
    config = load(name, [f"pretrain.shape.family={family}"])
    shape, vocab = config.pretrain.shape, config.tokenizer.vocab_size
    model: ModelConfig = model_config(shape, vocab)
    assert matrix_parameters(dial_shape(config), vocab) <= model.matrix_parameters
    assert model.matrix_parameters == pytest.approx(
        matrix_parameters(dial_shape(config), vocab), rel=0.01
    )


def dial_shape(config: RunConfig) -> dict[str, Any]:
    shape: dict[str, Any] = config.model_dump()["pretrain"]["shape"]
    return shape


def test_the_presets_for_gpus() -> None:
    one, eight = load("gpu").pretrain, load("gpu8").pretrain
    assert (one.shape.layers, one.shape.width, one.shape.context) == (12, 768, 2048)
    assert (eight.shape.layers, eight.shape.width) == (26, 1664)
    assert (one.parallelism, eight.parallelism) == ("ddp", "fsdp")
    assert load("gpu8").input.processes == 8
    assert eight.loop.rows_per_step % 8 == 0
    # The preset's own numbers lie above the dial, whose are not in the file.
    given = tomllib.loads((PRESETS / "gpu.toml").read_text())["pretrain"]
    assert "width" not in given["shape"]
    assert one.loop.warmdown_fraction == given["loop"]["warmdown_fraction"]


def test_the_dial_is_laid_over_a_preset_and_under_what_is_set() -> None:
    plain, turned = load("cpu"), load("cpu", ["pretrain.depth=6"])
    assert turned.pretrain.shape.width == 384 != plain.pretrain.shape.width
    assert turned.pretrain.shape.context == plain.pretrain.shape.context
    assert turned.pretrain.loop.validate_every == plain.pretrain.loop.validate_every
    mine = load("cpu", ["pretrain.depth=6", "pretrain.shape.heads=3", "pretrain.loop.steps=77"])
    assert mine.pretrain.shape.heads == 3
    assert mine.pretrain.loop.steps == 77
    assert mine.pretrain.shape.width == 384
    larger = load("gpu", ["pretrain.depth=20"])  # of a preset that turns it itself
    assert larger.pretrain.shape.layers == 20
    assert larger.pretrain.loop.warmup_steps == load("gpu").pretrain.loop.warmup_steps


def test_what_comes_back_from_a_form_is_the_same() -> None:
    config = load("gpu8")
    again = load(
        "gpu8", **{k: v for k, v in config.model_dump(mode="json").items() if k != "preset"}
    )
    assert again == config


def test_below_six_layers_the_small_presets_rates_hold() -> None:
    small = load("demo", ["pretrain.depth=3"]).pretrain
    assert (small.optimizer.matrix_lr, small.optimizer.embedding_lr) == (0.04, 0.1)
    assert small.shape.width == 192
    assert 4_096 <= small.loop.rows_per_step * small.shape.context <= 16_384


def test_the_dial_by_hand_below_and_at_the_reference() -> None:
    """Eleven layers are 704 wide and have heads of 64; a width below one head's has one head."""
    tables = dial(11, 32_768, 12.0, CONTEXT)
    shape = tables["shape"]
    assert (shape["width"], shape["head_dim"], shape["heads"], shape["kv_heads"]) == (
        704,
        64,
        11,
        11,
    )
    assert shape["ffn_width"] == 1920  # 8/3 x 704 = 1877.3, up to a multiple of 128
    narrow = dial(2, 1024, 12.0, {"shape": {"context": 256, "family": "qwen3", "width": 32}})
    assert (narrow["shape"]["heads"], narrow["shape"]["head_dim"]) == (1, 64)
    ungated = dial(3, 1024, 12.0, {"shape": {"context": 256, "family": "gpt2"}})
    assert ungated["shape"]["ffn_width"] == 4 * 192
    # 30 GB over 38 bytes x 768 x 12 leave 85,663 tokens a micro-batch: 2^16, or 32 rows of 2,048.
    assert dial(12, 32_768, 12.0, CONTEXT)["loop"]["micro_rows"] == 32
    # Depth 24: 38 x 1536 x 24 leave 21,415, so 2^14 and 8 rows.
    assert dial(24, 32_768, 12.0, CONTEXT)["loop"]["micro_rows"] == 8


def test_below_six_layers_a_step_has_about_8192_tokens() -> None:
    loop = dial(5, 4096, 12.0, {"shape": {"context": 256, "family": "qwen3"}})["loop"]
    assert loop["rows_per_step"] * 256 == 8192
    assert dial(1, 300, 1e-6, CONTEXT)["loop"]["steps"] == 1
