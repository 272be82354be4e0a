"""One dial: a number of layers in; shape, batch, steps, rates and weight decay out.

The laws are nanochat's and those it cites: width 64 a layer, tokens a fixed multiple of the
parameters (Hoffmann et al., arXiv 2203.15556), batch 2^19 x (tokens / reference)^0.383 (Power
Lines, arXiv 2505.13738), rates with the batch's root, weight decay with it over the tokens. They
hold from depth 6 up: below, batches of that law leave a few hundred timid steps, and the small
presets have measured better. What the caller has fixed stays, and the rest follows from it.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from pipeline.training.batch_sizes import mean_rows
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig
from storage.errors import UserError

# What of a shape follows from the number of layers; the rest is taken as it is.
DIAL_SHAPE = ("layers", "width", "heads", "kv_heads", "head_dim", "ffn_width")
WIDTH_PER_LAYER = 64
WIDE_HEADS_FROM = 768  # features: from here heads of 128 fill a GPU's tiles, below 64
REFERENCE_DEPTH = 12  # at which batch, rates and weight decay were tuned …
REFERENCE_VOCABULARY = 32_768
REFERENCE_BATCH = 2**19  # … in tokens a step
BATCH_EXPONENT = 0.383
SMALL = 6  # layers: below, SMALL_RATES at SMALL_BATCH tokens a step
SMALL_BATCH = 2**13
SMALL_RATES = {"matrix_lr": 0.04, "embedding_lr": 0.1}  # of the presets demo and cpu, measured
ROWS_OF = 8  # rows a step are a multiple of this, so that 2, 4 or 8 processes can share them
# Activations a micro-batch may hold on a card of 80 GB beside weights and optimizer, and what a
# token takes of them: about 38 bytes x width x layers in bf16 (counted from the forward pass).
ACTIVATION_BYTES = 30e9
BYTES_PER_FEATURE = 38
MAX_MICRO_TOKENS = 2**16

Tables = dict[str, dict[str, Any]]  # of a config file: settings by name, of any type, by table


def dial(
    depth: int,
    vocab_size: int,
    tokens_per_parameter: float,
    fixed: Mapping[str, Mapping[str, Any]],
) -> Tables:
    """The settings of a model of `depth` layers.

    Args:
        depth: layers.
        vocab_size: of the tokenizer.
        tokens_per_parameter: tokens of the run for each matrix parameter.
        fixed: settings that the user has set, by table (`shape.context`, the row length, always):
            they are returned as they are.

    Returns:
        The tables shape, loop and optimizer, as a config file has them.

    Raises:
        UserError: depth or tokens_per_parameter is not above 0.
    """
    if depth < 1 or tokens_per_parameter <= 0:
        raise UserError("pretrain.depth and pretrain.tokens_per_parameter must be above 0")
    shape = _shape(depth, fixed.get("shape", {}))
    tokens = tokens_per_parameter * matrix_parameters(shape, vocab_size)
    reference = tokens_per_parameter * matrix_parameters(
        _shape(REFERENCE_DEPTH, {"family": shape["family"]}), REFERENCE_VOCABULARY
    )
    loop = _loop(depth, shape, tokens, reference, fixed.get("loop", {}))
    batch = loop["rows_per_step"] * shape["context"]
    optimizer = _optimizer(depth, batch, tokens, reference)
    return {"shape": shape, "loop": loop, "optimizer": {**optimizer, **fixed.get("optimizer", {})}}


def matrix_parameters(shape: Mapping[str, Any], vocab_size: int) -> int:
    """Weights that each token is multiplied by, as the model itself counts them.

    Args:
        shape: fields of `ModelShape`.
        vocab_size: of the tokenizer.
    """
    from pipeline.training.shape import model_config  # loads torch, which presets don't need

    return model_config(ModelShape(**shape), vocab_size).matrix_parameters


UNGATED = ("speedrun", "gpt2")  # families whose feed-forward is two matrices, not three


def _shape(depth: int, fixed: Mapping[str, Any]) -> dict[str, Any]:
    shape = {**dataclasses.asdict(ModelShape()), **fixed}
    wanted = WIDTH_PER_LAYER * depth
    head_dim = fixed.get("head_dim", 128 if wanted >= WIDE_HEADS_FROM else 64)
    width = fixed.get("width", _up(wanted, head_dim))
    heads = fixed.get("heads", max(1, width // head_dim))
    # Two matrices of 4 x width hold about as much as three of 8/3 x width.
    ratio = 4 if shape.get("family") in UNGATED else 8 / 3
    return {
        **shape,
        "layers": fixed.get("layers", depth),
        "width": width,
        "heads": heads,
        "kv_heads": fixed.get("kv_heads", heads),
        "head_dim": head_dim,
        "ffn_width": fixed.get("ffn_width", _up(ratio * width, 128)),
    }


def _loop(
    depth: int,
    shape: Mapping[str, Any],
    tokens: float,
    reference: float,
    fixed: Mapping[str, Any],
) -> dict[str, Any]:
    context, batch = shape["context"], float(SMALL_BATCH)
    if depth >= SMALL:
        batch = REFERENCE_BATCH * (tokens / reference) ** BATCH_EXPONENT
    batch = 2.0 ** round(math.log2(batch))
    rows = fixed.get("rows_per_step", ROWS_OF * max(1, round(batch / context / ROWS_OF)))
    given = {name: fixed[name] for name in ("first_rows", "ramp_fraction") if name in fixed}
    ramp = LoopConfig(rows_per_step=rows, **given)
    room = ACTIVATION_BYTES / (BYTES_PER_FEATURE * shape["width"] * shape["layers"])
    micro = min(MAX_MICRO_TOKENS, 2 ** int(math.log2(room)))
    return {
        "steps": max(1, round(tokens / (mean_rows(ramp) * context))),
        "micro_rows": min(rows, max(1, micro // context)),
        "first_rows": 0,  # a smaller preset's ramp is not meant for these batches
        **fixed,
        "rows_per_step": rows,
    }


def _optimizer(depth: int, batch: int, tokens: float, reference: float) -> dict[str, float]:
    if depth < SMALL:
        return dict(SMALL_RATES)
    tuned = OptimizerConfig()
    root = math.sqrt(batch / REFERENCE_BATCH)
    return {
        "matrix_lr": tuned.matrix_lr * root,
        "embedding_lr": tuned.embedding_lr * root,
        "head_lr": tuned.head_lr * root,
        "gain_lr": tuned.gain_lr * root,
        "weight_decay": tuned.weight_decay * root * reference / tokens,
    }


def _up(value: float, multiple: int) -> int:
    return multiple * math.ceil(value / multiple)
