"""Fine-tuning: a base model, conversations and pages in; a model that converses out.

The vocabulary grows by the conversation tokens (rows start as the mean of the old ones), then
pretraining's loop runs at low rates on conversations with a share of pages. Validation is in bits
per byte of the assistant's words in conversations that were not trained on.
"""

import math
from pathlib import Path
from typing import TypedDict

import torch

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.sft.config import SftConfig
from pipeline.sft.conversation_loader import MixedData, encode
from pipeline.sft.conversations import ConversationRow
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution, runtime
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.data_loader import RowPart, collate
from pipeline.training.loss import token_loss
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from storage.tables import read_table

VALIDATION_ROWS_AT_ONCE = 64


class SftInputs(TypedDict):
    """Folders of artifacts, one each."""

    base: list[Path]
    conversations: list[Path]
    tokens: list[Path]


class SftStatistics(TypedDict):
    """Of an `sft` artifact."""

    parameters: int
    precision: str
    processes: int
    steps: int
    conversations: int  # of the train split
    left_out: int  # longer than the context
    validation_conversations: int
    final_loss: float  # nats a token
    answer_bits_per_byte: float | None  # None without validation conversations


def with_conversation_tokens(
    model: Transformer, tokenizer: Tokenizer
) -> tuple[Transformer, Tokenizer]:
    """Add the conversation tokens to the tokenizer and rows for them to the model, in place."""
    grown = tokenizer.with_conversation_tokens()
    if grown.vocab_size > model.config.vocab_size:
        model.grow_vocabulary(grown.vocab_size)
    return model, grown


@torch.no_grad()
def answer_bits_per_byte(model: Transformer, parts: list[RowPart], tokenizer: Tokenizer) -> float:
    """Bits per byte of the assistant's content; stop tokens count as bits but not as bytes.

    Args:
        model: on any device.
        parts: the tokens of each conversation.
        tokenizer: with conversation tokens.
    """
    stop = tokenizer.special("<|im_end|>")
    lengths = [0 if token == stop else len(b) for token, b in enumerate(tokenizer.token_bytes)]
    nats = 0.0
    content_bytes = 0
    for start in range(0, len(parts), VALIDATION_ROWS_AT_ONCE):
        group = parts[start : start + VALIDATION_ROWS_AT_ONCE]
        longest = max(len(part.tokens) for part in group)
        batch = collate([[part] for part in group], longest, tokenizer.document_token, False)
        total, _ = token_loss(model, batch.to(model.device))
        nats += float(total)
        for part in group:
            content_bytes += sum(lengths[t] for t, m in zip(part.tokens, part.learned) if m)
    return nats / (math.log(2) * max(1, content_bytes))


def build(
    out: Path,
    inputs: SftInputs,
    config: SftConfig,
    progress: Progress,
    scratch: Path,
) -> SftStatistics:
    """The `sft` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    model, tokenizer = models.load(inputs["base"][0], device, dtype)
    model, tokenizer = with_conversation_tokens(model, tokenizer)
    context = model.config.max_context
    file = inputs["conversations"][0] / "conversations.parquet"
    rows: list[ConversationRow] = read_table(file).to_pylist()
    parts = encode([row for row in rows if row["split"] == "train"], tokenizer)
    held_back = encode([row for row in rows if row["split"] == "validation"], tokenizer)
    held_back = [part for part in held_back if len(part.tokens) <= context]
    data = MixedData(
        parts,
        inputs["tokens"][0],
        context=context,
        rows_per_step=BatchSizes.of(config.loop),
        pretraining_share=config.pretraining_share,
        pad_token=tokenizer.document_token,
        seed=config.seed,
    )
    progress.note(
        f"sft: {len(parts)} conversations, rates x {config.rate_factor}, "
        f"{str(dtype).removeprefix('torch.')} products on {device}"
    )
    metrics, timing = train(
        model,
        build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        data.batch,
        config.loop,
        stage="sft",
        scratch=scratch,
        progress=progress,
        validate=(lambda: answer_bits_per_byte(model, held_back, tokenizer)) if held_back else None,
    )
    if distribution.rank() == 0:
        models.save(model, tokenizer, out)
        write_run(out, metrics, timing)
    return {
        "parameters": model.parameter_count,
        "precision": str(dtype).removeprefix("torch."),
        "processes": distribution.world(),
        "steps": config.loop.steps,
        "conversations": len(parts),
        "left_out": data.conversations.left_out,
        "validation_conversations": len(held_back),
        "final_loss": metrics["loss"][-1].as_py(),
        "answer_bits_per_byte": metrics["validation_bits_per_byte"][-1].as_py(),
    }


STAGE = Stage("sft", 4, SftConfig, build)
