"""Pretraining: token shards and their tokenizer in; a base model folder and its metrics out.

The model folder is Hugging Face's Qwen3. Runs alone or under torchrun, where rank 0 writes.
Statistics are a function of recipe and inputs; what a clock measures goes to
provenance/timing.parquet.
"""

from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import pyarrow as pa

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.model import device as devices
from pipeline.model.engine import Moved, unwatched
from pipeline.stage import SILENT, Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import (
    bits_per_byte,
    distribution,
    runtime,
    sharded_checkpoint,
    sharding,
    state,
)
from pipeline.training.batch_sizes import BatchSizes, seen_rows
from pipeline.training.checkpoint_manager import CheckpointStore
from pipeline.training.compiling import Ahead, compile_layers, multiply_in_8_bits
from pipeline.training.config import PretrainConfig
from pipeline.training.data_loader import PretrainData, TokenShards
from pipeline.training.next_token import train
from pipeline.training.optimizers import Optimizer, build_optimizer
from pipeline.training.replicas import ReplicatedStore
from pipeline.training.shape import model_config
from pipeline.training.watchdog import Watchdog
from storage.tables import write_table


class PretrainInputs(TypedDict):
    """Folders of artifacts, one each."""

    tokens: list[Path]
    tokenizer: list[Path]


class BaseStatistics(TypedDict):
    """Of a `base` artifact."""

    parameters: int
    matrix_parameters: int  # weights that each token is multiplied by
    precision: str
    processes: int
    steps: int
    tokens: int  # of the train split
    tokens_seen: int
    epochs: float
    flops: int  # of the whole training
    final_loss: float  # nats a token
    bits_per_byte: float  # of the whole validation split
    validation_documents: int
    validation_tokens: int


def validation_subset(shards: TokenShards, tokens: int, seed: int) -> list[np.ndarray]:
    """Draw whole documents until they have about `tokens` tokens.

    Args:
        shards: the validation split.
        tokens: wanted, the document tokens included.
        seed: of the order.

    Returns:
        [tokens] ids of each document.
    """
    chosen: list[np.ndarray] = []
    for index in np.random.default_rng(seed).permutation(len(shards)).tolist():
        if tokens <= 0:
            break
        chosen.append(shards.document(index))
        tokens -= len(chosen[-1])
    return chosen


def spread(model: Transformer, config: PretrainConfig) -> tuple[Optimizer, CheckpointStore]:
    """Spread the training over all processes.

    Args:
        model: with fsdp and hsdp its parameters are sharded in place.
        config: how.

    Returns:
        The optimizer, and how checkpoints are written.

    Raises:
        UserError: the processes can't be divided into replicas.
    """
    if config.parallelism == "ddp":
        return build_optimizer(model, config.optimizer), state
    replicas = (config.replicas or distribution.nodes()) if config.parallelism == "hsdp" else 1
    sharding.shard(model, replicas)
    if distribution.world() == 1:
        return build_optimizer(model, config.optimizer), sharded_checkpoint
    optimizer = cast(Optimizer, sharding.ShardedOptimizer(model, config.optimizer))
    return optimizer, sharded_checkpoint if replicas == 1 else ReplicatedStore(model)


def build(
    out: Path,
    inputs: PretrainInputs,
    config: PretrainConfig,
    progress: Progress,
    scratch: Path,
) -> BaseStatistics | None:
    """The `base` stage: train a base model from fresh weights."""
    (tokens_folder,), (tokenizer_folder,) = inputs["tokens"], inputs["tokenizer"]
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    alone_or_first = distribution.rank() == 0
    if not alone_or_first:
        progress = SILENT
    precision = str(dtype).removeprefix("torch.")
    tokenizer = Tokenizer.load(tokenizer_folder)
    shape, loop = config.shape, config.loop
    model = Transformer(model_config(shape, tokenizer.vocab_size)).init_weights(config.seed)
    model.to(device).compute_dtype = dtype
    data = PretrainData(
        tokens_folder,
        shape.context,
        BatchSizes.of(loop),
        config.seed,
        separate_documents=config.separate_documents,
    )
    validation = TokenShards(tokens_folder, "validation")
    subset = validation_subset(validation, loop.validation_rows * shape.context, config.seed)
    token_bytes = tokenizer.token_bytes

    def measure(documents: list[np.ndarray], moved: Moved = unwatched) -> float:
        return bits_per_byte.measure_shared(model, documents, token_bytes, shape.context, moved)

    parameters = model.parameter_count
    optimizer, store = spread(model, config)
    if config.fp8:
        multiply_in_8_bits(model)
    if config.compile and devices.on_cuda(device):
        compile_layers(model)
    elif config.compile:
        progress.note("pretrain.compile is for GPUs: the CPU's own kernels are used")
    progress.note(
        f"base model: {parameters:,} parameters, {precision} products on {device}, "
        f"{config.threads} threads, {data.tokens:,} training tokens"
    )
    metrics, timing = train(
        model,
        optimizer,
        Ahead(data.batch) if devices.on_cuda(device) else data.batch,
        loop,
        stage="pretrain",
        scratch=scratch,
        progress=progress,
        validate=lambda: measure(subset),
        store=store,
    )
    everything = [validation.document(index) for index in range(len(validation))]
    with Watchdog(loop.watchdog_seconds) as watchdog:
        final = measure(everything, watchdog.expect)
    progress.note(f"base model: {final:.4f} bits per byte on the validation split")
    processes = distribution.world()
    model = sharding.whole(model)
    distribution.close()
    if not alone_or_first:
        return None
    models.save(model, tokenizer, out)
    write_run(out, metrics, timing)
    rows_seen = seen_rows(loop)
    tokens_seen = rows_seen * shape.context
    return {
        "parameters": parameters,
        "matrix_parameters": model.config.matrix_parameters,
        "precision": precision,
        "processes": processes,
        "steps": loop.steps,
        "tokens": data.tokens,
        "tokens_seen": tokens_seen,
        "epochs": rows_seen / data.rows_per_epoch,
        "flops": model.config.flops_per_token(shape.context) * tokens_seen,
        "final_loss": metrics["loss"][-1].as_py(),
        "bits_per_byte": final,
        "validation_documents": len(validation),
        "validation_tokens": int(validation.lengths.sum()),
    }


def write_run(out: Path, metrics: pa.Table, timing: pa.Table) -> None:
    """Write the tables of a training stage.

    Args:
        out: the artifact's folder.
        metrics: what the recipe determines.
        timing: what a clock measured, which is provenance.
    """
    write_table(metrics, out / "metrics.parquet")
    write_table(timing, out / "provenance" / "timing.parquet")


STAGE = Stage(kind="base", version=5, config=PretrainConfig, build=build)
