"""Learns the vocabulary: byte-level BPE on the train split of a corpus, by the Rust trainer.

In: the corpus folder. Out: tokenizer.json, tokenizer_config.json. Only <|endoftext|> (id 0) is
special. A corpus above `max_bytes` is sampled evenly, by the hash of each document's id, instead of
taking its beginning. The trainer's result depends on counts alone: the same for any number of
threads and in every run.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from tokenizers import pre_tokenizers, trainers

from pipeline.stage import Progress, Stage
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.corpus_text import documents
from pipeline.tokenizer.special import CONVERSATION_TOKENS, DOCUMENT_TOKEN
from pipeline.tokenizer.tokenizer import Tokenizer, untrained
from storage.errors import UserError


class TokenizerInputs(TypedDict):
    """Folders of artifacts, one each."""

    corpus: list[Path]


class TokenizerStatistics(TypedDict):
    """Of a `tokenizer` artifact."""

    vocab_size: int
    vocab_size_with_conversation_tokens: int
    documents: int  # that it was trained on
    bytes: int  # of their UTF-8 text
    sampled_fraction: float  # of the corpus' train split
    longest_token_bytes: int
    tokens_that_begin_a_word: int


def train(texts: Iterator[str], config: TokenizerConfig) -> Tokenizer:
    """Train a tokenizer of exactly `config.vocab_size` tokens.

    Raises:
        UserError: the texts yield too few tokens.
    """
    rust = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        special_tokens=[DOCUMENT_TOKEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    rust.train_from_iterator(texts, trainer)
    tokenizer = Tokenizer(rust)
    if tokenizer.vocab_size != config.vocab_size:
        raise UserError(
            f"the corpus yields a vocabulary of {tokenizer.vocab_size}, not {config.vocab_size}: "
            "lower tokenizer.vocab_size or give it more text"
        )
    return tokenizer


def sampled(id: str, fraction: float) -> bool:
    """Whether a document belongs to an even sample of that fraction, by its id's hash."""
    digest = hashlib.sha256(id.encode()).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2.0**64


def build(
    out: Path,
    inputs: TokenizerInputs,
    config: TokenizerConfig,
    progress: Progress,
    scratch: Path,
) -> TokenizerStatistics:
    """The `tokenizer` stage."""
    (corpus,) = inputs["corpus"]
    total_bytes = total_documents = 0
    for batch in documents(corpus, "train"):
        total_documents += len(batch)
        total_bytes += sum(len(row["text"].encode()) for row in batch)
    if total_documents == 0:
        raise UserError(
            f"the train split of {corpus} is empty: give the corpus more pages, "
            "or lower split.validation_fraction"
        )
    fraction = min(1.0, config.max_bytes / max(total_bytes, 1))
    used = {"documents": 0, "bytes": 0}

    def texts() -> Iterator[str]:
        for batch in documents(corpus, "train"):
            for row in batch:
                if fraction == 1.0 or sampled(row["id"], fraction):
                    used["documents"] += 1
                    used["bytes"] += len(row["text"].encode())
                    yield row["text"]
            progress.update(used["bytes"], total_bytes * fraction, "bytes")

    tokenizer = train(texts(), config)
    tokenizer.save(out)
    words = sum(piece.startswith(b" ") for piece in tokenizer.token_bytes)
    return {
        "vocab_size": tokenizer.vocab_size,
        "vocab_size_with_conversation_tokens": tokenizer.vocab_size + len(CONVERSATION_TOKENS),
        "documents": used["documents"],
        "bytes": used["bytes"],
        "sampled_fraction": fraction,
        "longest_token_bytes": max(len(piece) for piece in tokenizer.token_bytes[1:]),
        "tokens_that_begin_a_word": words,
    }


STAGE = Stage(kind="tokenizer", version=1, config=TokenizerConfig, build=build)
