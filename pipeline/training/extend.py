"""A base model's context made longer: rotation stretched, then a little training on longer rows.

In: a base model and the token shards it was trained on (others will do). Out: a model folder with
the longer context, its metrics, and bits per byte before, stretched but untrained, and after. The
rules are those of `pipeline.model.rope`, so transformers and llama.cpp run the result as it is.
"""

import dataclasses
from pathlib import Path
from typing import TypedDict

from pipeline import model as models
from pipeline.model import ModelConfig
from pipeline.model.rope import RopeScaling
from pipeline.stage import SILENT, Progress, Stage
from pipeline.training import bits_per_byte, distribution, runtime
from pipeline.training.batch_sizes import BatchSizes, seen_rows
from pipeline.training.config import ExtendConfig
from pipeline.training.data_loader import PretrainData, TokenShards
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import validation_subset, write_run
from pipeline.training.watchdog import Watchdog
from storage.errors import UserError


class ExtendInputs(TypedDict):
    """Folders of artifacts, one each."""

    base: list[Path]
    tokens: list[Path]


class ExtendedStatistics(TypedDict):
    """Of an `extended` artifact; bits per byte are of the whole validation split."""

    parameters: int
    precision: str
    processes: int
    steps: int
    context_before: int  # of the base, in tokens
    context: int
    tokens_seen: int
    bits_per_byte_before: float  # in windows of the base's context
    bits_per_byte_untrained: float  # stretched, not trained
    bits_per_byte_short: float  # trained, in windows of the base's context
    bits_per_byte: float
    long_documents: int  # of the train split, longer than the base's context
    final_loss: float  # nats a token


def stretched(base: ModelConfig, config: ExtendConfig) -> ModelConfig:
    """The base's shape with the longer context.

    Args:
        base: which may have been stretched before.
        config: how.

    Raises:
        UserError: the base can't have that context.
    """
    if base.parts.positions != "rope":
        raise UserError(f"extend: a {base.family} model has a table of positions, no rotation")
    context = config.context or 4 * base.max_context
    if context <= base.max_context:
        raise UserError(
            f"extend.context is {context}, the base already reads {base.max_context} tokens"
        )
    known = base.rope_scaling
    # A base that was stretched before is stretched again from its original context.
    original = known.original_context if known is not None else base.max_context
    factor = config.factor or context / original
    if config.scaling == "theta":
        if known is not None:
            raise UserError(f"extend: the base is stretched by {known.kind} already: use that")
        # The base at which the slowest frequency is slowed by the factor, the fastest not at all.
        theta = base.rope_theta * factor ** (base.head_dim / (base.head_dim - 2))
        return dataclasses.replace(base, max_context=context, rope_theta=theta)
    scaling = RopeScaling(config.scaling, factor, original)
    return dataclasses.replace(base, max_context=context, rope_scaling=scaling)


def build(
    out: Path,
    inputs: ExtendInputs,
    config: ExtendConfig,
    progress: Progress,
    scratch: Path,
) -> ExtendedStatistics | None:
    """The `extended` stage."""
    (base_folder,), (tokens_folder,) = inputs["base"], inputs["tokens"]
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    alone_or_first = distribution.rank() == 0
    if not alone_or_first:
        progress = SILENT
    model, tokenizer = models.load(base_folder, device, dtype)
    old, new = model.config.max_context, stretched(model.config, config)
    context = new.max_context
    loop, token_bytes = config.loop, tokenizer.token_bytes
    data = PretrainData(
        tokens_folder,
        context,
        BatchSizes.of(loop),
        config.seed,
        separate_documents=config.separate_documents,
    )
    validation = TokenShards(tokens_folder, "validation")
    subset = validation_subset(validation, loop.validation_rows * context, config.seed)
    everything = [validation.document(index) for index in range(len(validation))]

    def measure_watched(context: int) -> float:
        with Watchdog(loop.watchdog_seconds) as watchdog:
            return bits_per_byte.measure_shared(
                model, everything, token_bytes, context, watchdog.expect
            )

    before = measure_watched(old)
    model.stretch(new.max_context, new.rope_theta, new.rope_scaling)
    untrained = measure_watched(context)
    progress.note(
        f"extended: {old} to {context} tokens by {config.scaling}; {before:.4f} bits per "
        f"byte before, {untrained:.4f} with the longer context untrained"
    )
    metrics, timing = train(
        model,
        build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        data.batch,
        loop,
        stage="extend",
        scratch=scratch,
        progress=progress,
        validate=lambda: bits_per_byte.measure_shared(model, subset, token_bytes, context),
    )
    after, short = measure_watched(context), measure_watched(old)
    progress.note(f"extended: {after:.4f} bits per byte on the validation split")
    processes = distribution.world()
    distribution.close()
    if not alone_or_first:
        return None
    models.save(model, tokenizer, out)
    write_run(out, metrics, timing)
    return {
        "parameters": model.parameter_count,
        "precision": str(dtype).removeprefix("torch."),
        "processes": processes,
        "steps": loop.steps,
        "context_before": old,
        "context": context,
        "tokens_seen": seen_rows(loop) * context,
        "bits_per_byte_before": before,
        "bits_per_byte_untrained": untrained,
        "bits_per_byte_short": short,
        "bits_per_byte": after,
        "long_documents": data.shards.longer_than(old),
        "final_loss": metrics["loss"][-1].as_py(),
    }


STAGE = Stage(kind="extended", version=4, config=ExtendConfig, build=build)
