"""Fine-tuning: a base model, conversations and pages in; a model that converses out.

The vocabulary grows by the conversation tokens (rows start as the mean of the old ones), then
pretraining's loop runs at low rates on conversations with a share of pages. At the end the weights
go back a little towards the base's. Validation is in bits per byte of the assistant's words in
conversations that were not trained on.
"""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import torch

from pipeline import model as models
from pipeline.chat.conversation import STOP
from pipeline.model import Transformer, lora, peft_folder
from pipeline.sft.config import SftConfig
from pipeline.sft.conversation_counts import ConversationCounts, count, line
from pipeline.sft.conversation_loader import MixedData, encode
from pipeline.sft.conversations import ConversationRow
from pipeline.sft.interpolation import interpolate
from pipeline.sft.mixture import epochs_of
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from pipeline.training import distribution, runtime
from pipeline.training.adapter_optimizer import adapter_optimizer
from pipeline.training.batch_sizes import BatchSizes
from pipeline.training.data_loader import RowPart, collate
from pipeline.training.loss import token_loss
from pipeline.training.next_token import train
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import write_run
from pipeline.training.runlog import kept_row
from storage.tables import read_table

VALIDATION_ROWS_AT_ONCE = 64
ADAPTER = "adapter"  # folder of a LoRA's adapters, in PEFT's layout, beside the merged model


class SftInputs(TypedDict):
    """Folders of artifacts."""

    base: list[Path]  # one
    conversations: list[Path]  # whatever has a conversations.parquet, one at least
    tokens: NotRequired[list[Path]]  # one; without pages none is needed


class SftStatistics(ConversationCounts):
    """Of an `sft` artifact."""

    parameters: int
    trained_parameters: int  # those that have a gradient and the optimizer's state
    precision: str
    processes: int
    steps: int  # fewer than the recipe's where training ended early
    kept_step: int  # the model is that after this step
    sources: dict[str, int]  # conversations of the train split, by source
    epochs: dict[str, float]  # how often a pass holds the conversations of each source
    validation_conversations: int
    final_loss: float  # nats a token, of the last step
    # of the model as it is kept, and as it was tuned; None without validation conversations
    answer_bits_per_byte: float | None
    tuned_answer_bits_per_byte: float | None


def with_conversation_tokens(
    model: Transformer, tokenizer: Tokenizer
) -> tuple[Transformer, Tokenizer]:
    """Add the conversation tokens to the tokenizer and rows for them to the model, in place.

    Rows without a token, by which some models are padded, were never trained: a new token that gets
    one begins as the others do, with the mean of the tokens' rows.
    """
    grown = tokenizer.with_conversation_tokens()
    old, spare = tokenizer.vocab_size, min(grown.vocab_size, model.config.vocab_size)
    if old < spare:
        for module in (model.embed_tokens, model.lm_head):
            if module is not None:
                with torch.no_grad():
                    module.weight[old:spare] = module.weight[:old].mean(dim=0)
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


def conversation_rows(folders: Sequence[Path]) -> list[ConversationRow]:
    """The conversations of artifacts of several kinds, one after another."""
    return [
        row
        for folder in folders
        for row in read_table(folder / "conversations.parquet").to_pylist()
    ]


def build(
    out: Path,
    inputs: SftInputs,
    config: SftConfig,
    progress: Progress,
    scratch: Path,
) -> SftStatistics:
    """The `sft` stage."""
    return tune(out, inputs, config, progress, scratch, stage="sft")


def tune(
    out: Path,
    inputs: SftInputs,
    config: SftConfig,
    progress: Progress,
    scratch: Path,
    *,
    stage: str,
) -> SftStatistics:
    """Fine-tune; `stage` is whose steps these are in the metrics and in what people are told."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    model, tokenizer = models.load(inputs["base"][0], device, dtype)
    model, tokenizer = with_conversation_tokens(model, tokenizer)
    parameters = model.parameter_count
    if config.lora.rank:
        rows_trained = [tokenizer.special(name) for name in CONVERSATION_TOKENS]
        lora.attach(model, config.lora, rows_trained, config.seed)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    context = model.config.max_context
    rows = conversation_rows(inputs["conversations"])
    own = [row for row in rows if row["split"] == "train"]
    parts = encode(own, tokenizer)
    sources = [row["source"] for row in own]
    sizes = [len(part.tokens) for part in parts]
    epochs = epochs_of(sources, sizes, config.mixture, config.mixture_unit)
    # what is never trained says nothing about how training goes
    held_back = encode(
        [r for r in rows if r["split"] == "validation" and epochs.get(r["source"])], tokenizer
    )
    held_back = [part for part in held_back if len(part.tokens) <= context]
    tokens = inputs.get("tokens", [])
    data = MixedData(
        parts,
        tokens[0] if tokens else None,
        context=context,
        rows_per_step=BatchSizes.of(config.loop),
        pretraining_share=config.pretraining_share,
        pad_token=tokenizer.document_token,
        seed=config.seed,
        epochs=[epochs[source] for source in sources],
    )
    counts = count([row["id"] for row in own], parts, data.conversations, tokenizer.special(STOP))
    how = (
        f"LoRA of rank {config.lora.rank}" if config.lora.rank else f"rates x {config.rate_factor}"
    )
    progress.note(f"{stage}: {line(counts)}")
    progress.note(
        f"{stage}: {how}, {trained:,} of {parameters:,} parameters trained, "
        f"{str(dtype).removeprefix('torch.')} products on {device}"
    )
    if config.interpolation < 1:
        progress.note(
            f"{stage}: the model will be {config.interpolation:.0%} of the tuned weights and"
            f" {1 - config.interpolation:.0%} of those before ({stage}.interpolation)"
        )
    metrics, timing = train(
        model,
        adapter_optimizer(model, config.optimizer, config.lora)
        if config.lora.rank
        else build_optimizer(model, config.optimizer.scaled(config.rate_factor)),
        data.batch,
        config.loop,
        stage=stage,
        scratch=scratch,
        progress=progress,
        validate=(lambda: answer_bits_per_byte(model, held_back, tokenizer)) if held_back else None,
    )
    kept = kept_row(metrics, config.loop)
    tuned = answers = kept["validation_bits_per_byte"]
    if distribution.rank() == 0:
        if config.interpolation < 1:
            start, _ = with_conversation_tokens(*models.load(inputs["base"][0], "cpu", dtype))
            interpolate(model, start, config.interpolation)
            if held_back:
                answers = answer_bits_per_byte(model, held_back, tokenizer)
        if config.lora.rank:
            # The lake names folders by digest, so from an artifact to its input there is one path.
            base = inputs["base"][0]
            peft_folder.save(model, out / ADAPTER, f"../../../{base.parent.name}/{base.name}")
            tokenizer.save(out / ADAPTER)
            lora.merge(model)
        models.save(model, tokenizer, out)
        write_run(out, metrics, timing)
    return {
        **counts,
        "parameters": parameters,
        "trained_parameters": trained,
        "precision": str(dtype).removeprefix("torch."),
        "processes": distribution.world(),
        "steps": metrics["step"][-1].as_py(),
        "kept_step": kept["step"],
        "sources": dict(sorted(Counter(sources).items())),
        "epochs": epochs,
        "validation_conversations": len(held_back),
        "final_loss": metrics["loss"][-1].as_py(),
        "answer_bits_per_byte": answers,
        "tuned_answer_bits_per_byte": tuned,
    }


STAGE = Stage("sft", 5, SftConfig, build)
