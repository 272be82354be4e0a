"""Bits per byte of unseen pages: how well the model predicts text, whatever its vocabulary.

In: validation documents. Out: one row, its interval by bootstrap over documents.
"""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.evals.asking import Scores, Subject
from pipeline.evals.intervals import bootstrap_ratio
from pipeline.training.bits_per_byte import measure as measure_documents


def choose(texts: Sequence[tuple[str, str]], documents: int, max_bytes: int) -> list[str]:
    """Texts of (id, text) in the order of their ids, up to a number of documents and of bytes."""
    chosen: list[str] = []
    for _, text in sorted(texts)[:documents]:
        if max_bytes <= 0:
            break
        chosen.append(text)
        max_bytes -= len(text.encode("utf-8"))
    return chosen


def measure(subject: Subject, texts: Sequence[tuple[str, str]], scores: Scores) -> None:
    """Bits per byte over the chosen documents together."""
    config, tokenizer = subject.config, subject.tokenizer
    chosen = choose(texts, config.validation_documents, config.validation_bytes)
    if not chosen:
        return
    documents = [
        np.array([tokenizer.document_token, *ids], dtype=np.int64)
        for ids in tokenizer.encode_batch(chosen)
    ]
    found = measure_documents(
        subject.model, documents, tokenizer.token_bytes, subject.model.config.max_context
    )
    low, high = bootstrap_ratio(
        found.nats / math.log(2), found.bytes, config.bootstrap_samples, config.seed
    )
    scores.rows.append(
        {
            "suite": "bits_per_byte",
            "task": "validation",
            "metric": "bits_per_byte",
            "value": found.bits_per_byte,
            "low": low,
            "high": high,
            "n": len(chosen),
        }
    )
