"""The model as a compressor of text, beside zstd -19 and xz -9e, its own size counted.

In: measured pages, held-out and of training. With arithmetic coding the model stores a page in as
many bits as it measures (Delétang et al., arXiv 2309.10668); both archivers get all pages as one
file, which is kind to them: they may refer back to earlier pages, the model may not. The model
itself must be sent along, so below `break_even` megabytes of such text the archiver wins. On the
training text the bits saved are what the model knows of it: a lossy zip of its corpus.
"""

import lzma
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from pipeline.evals.asking import Scores, Subject
from pipeline.evals.pages import Measured

MEGABYTE = 1_000_000


def zstd_19(data: bytes) -> int:
    """Compressed bytes."""
    return len(pa.Codec("zstd", compression_level=19).compress(data, asbytes=True))


def xz_9e(data: bytes) -> int:
    """Compressed bytes."""
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


ARCHIVERS: dict[str, Callable[[bytes], int]] = {"zstd_19": zstd_19, "xz_9e": xz_9e}


def measure(
    subject: Subject, held_out: Measured, training: Measured, training_bytes: int, scores: Scores
) -> None:
    """Bits per byte of all three, what is saved, and from how much text on.

    `training` is a sample of `training_bytes` of text that the model was trained on.
    """
    config = subject.config
    parameters = sum(weight.numel() for weight in subject.model.parameters())
    model_bits = parameters * config.bits_per_parameter
    _row(scores, "model_size", "megabytes", model_bits / 8 / MEGABYTE, n=parameters)
    for name, pages in (("held_out", held_out), ("training", training)):
        if not pages.pages:
            continue
        row = pages.row("compression", f"{name}/model", config.bootstrap_samples, config.seed)
        scores.rows.append(row)
        text = "\n".join(page.text for page in pages.pages).encode("utf-8")
        for archiver, size_of in ARCHIVERS.items():
            rate = 8 * size_of(text) / len(text)
            n = len(pages.pages)
            _row(scores, f"{name}/{archiver}", "bits_per_byte", rate, n=n)
            value, low, high = row["value"], row["low"], row["high"]  # of the model
            saved = [1 - bits / rate for bits in (value, high, low)]
            task = f"{name}/saved_over_{archiver}"
            _row(scores, task, "share", saved[0], (saved[1], saved[2]), n)
            if name == "held_out":
                task = f"{name}/break_even_with_{archiver}"
                lengths = [break_even(model_bits, bits, rate) for bits in (value, low, high)]
            else:  # the sample's rate, taken for all of the training text
                task = f"{name}/known_beyond_{archiver}"
                gains = [rate - bits for bits in (value, high, low)]
                lengths = [training_bytes * gain / 8 / MEGABYTE for gain in gains]
            _row(scores, task, "megabytes", lengths[0], (lengths[1], lengths[2]), n)


def break_even(model_bits: float, model_rate: float, archiver_rate: float) -> float | None:
    """Megabytes of text from which the model and its text are smaller; None: never."""
    if model_rate >= archiver_rate:
        return None
    return model_bits / (archiver_rate - model_rate) / MEGABYTE


def _row(
    scores: Scores,
    task: str,
    metric: str,
    value: float | None,
    interval: tuple[float | None, float | None] = (None, None),
    n: int = 0,
) -> None:
    row: dict[str, Any] = {"suite": "compression", "task": task, "metric": metric, "n": n}
    scores.rows.append({**row, "value": value, "low": interval[0], "high": interval[1]})
