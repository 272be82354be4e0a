"""The model as a compressor of text, compared with zstd -19 and xz -9e, its own size counted.

In: measured pages, held-out and of training. With arithmetic coding the model needs as many bits to
store a page as `Measured.bits` says (Delétang et al., arXiv 2309.10668). Both archivers get all
pages as one file, which favours them: they may refer back to earlier pages, the model may not. What
favours the model is that it has read the training text; so xz is also measured after that text
(`xz_after_training_text`). The receiver needs the model, or with that archiver the compressed
training text: for less than `break_even` megabytes of text the archiver wins. On the training text
the bits saved are what the model has memorised of it.
"""

import lzma
from collections.abc import Callable, Iterable

import pyarrow as pa

from pipeline.evals.asking import Scores, Subject
from pipeline.evals.page_bits import PageBits

MEGABYTE = 1_000_000
XZ_PRESET = 6  # of xz after the training text, which is compressed twice for that: 1 s a MB


def zstd_19(data: bytes) -> int:
    """Number of bytes after zstd -19."""
    return len(pa.Codec("zstd", compression_level=19).compress(data, asbytes=True))


def xz_9e(data: bytes) -> int:
    """Number of bytes after xz -9e."""
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def xz_after(data: bytes, known: bytes) -> tuple[int, int]:
    """Compressed bytes of `data` for a receiver who has `known`, and compressed bytes of `known`.

    The window holds all of both.
    """
    window = max(lzma_window(len(known) + len(data)), 1 << 16)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": XZ_PRESET, "dict_size": window}]

    def size(text: bytes) -> int:
        return len(lzma.compress(text, format=lzma.FORMAT_XZ, filters=filters))

    before = size(known)
    return size(known + data) - before, before


def lzma_window(size: int) -> int:
    """The least power of two that is `size` or more, at least 2."""
    return 1 << max(1, size - 1).bit_length()


ARCHIVERS: dict[str, Callable[[bytes], int]] = {"zstd_19": zstd_19, "xz_9e": xz_9e}


def measure(
    subject: Subject,
    held_out: PageBits,
    training: PageBits,
    training_texts: Callable[[], Iterable[str]],
    scores: Scores,
) -> None:
    """Add bits per byte of the model and both archivers, the share saved and the break-even sizes.

    Args:
        subject: the model under test.
        held_out: measured pages that the model was not trained on.
        training: a measured sample of the pages that it was trained on.
        training_texts: opens all texts that it was trained on.
        scores: gets the rows.
    """
    training_bytes = sum(len(text.encode("utf-8")) for text in training_texts())
    config = subject.config
    parameters = subject.model.parameter_count
    model_bits = parameters * config.bits_per_parameter
    _row(scores, "model_size", "megabytes", model_bits / 8 / MEGABYTE, n=parameters)
    for name, pages in (("held_out", held_out), ("training", training)):
        if not pages.pages:
            continue
        value = pages.bits_per_byte
        low, high = pages.interval(config.bootstrap_samples, config.seed)
        text = "\n".join(page.text for page in pages.pages).encode("utf-8")
        n = len(pages.pages)
        _row(scores, f"{name}/model", "bits_per_byte", value, (low, high), n)
        if name == "held_out":
            known = first_bytes(training_texts(), config.archived_bytes)
            more, before = xz_after(text, known)
            rate = 8 * more / len(text)
            _row(scores, "held_out/xz_after_training_text", "bits_per_byte", rate, n=n)
            size = max(0, model_bits - 8 * before)
            lengths = [break_even(size, bits, rate) for bits in (value, low, high)]
            task = "held_out/break_even_with_xz_after_training_text"
            _row(scores, task, "megabytes", lengths[0], (lengths[1], lengths[2]), n)
        for archiver, size_of in ARCHIVERS.items():
            rate = 8 * size_of(text) / len(text)
            _row(scores, f"{name}/{archiver}", "bits_per_byte", rate, n=n)
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


def first_bytes(texts: Iterable[str], most: int) -> bytes:
    """Texts joined by newlines, up to `most` bytes of UTF-8."""
    held: list[bytes] = []
    left = most
    for text in texts:
        if left <= 0:
            break
        held.append(text.encode("utf-8")[:left])
        left -= len(held[-1]) + 1
    return b"\n".join(held)


def break_even(model_bits: float, model_rate: float, archiver_rate: float) -> float | None:
    """Megabytes of text above which the model and the text it stores are smaller; None: never.

    Args:
        model_bits: the model's size, less that of what the archiver's receiver needs.
        model_rate: bits per byte of text.
        archiver_rate: bits per byte of text.
    """
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
    scores.add("compression", task, metric, value, *interval, n)
