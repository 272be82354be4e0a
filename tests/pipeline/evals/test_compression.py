"""The archivers' sizes, break-even by hand, and the model's own size counted."""

import lzma

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evals import compression
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.page_bits import CorpusPage, PageBits

TEXT = "A page of text about mills and bakers. " * 40


@settings(max_examples=8)  # xz -9e takes its 64 MB dictionary each time
@given(st.binary(max_size=2000))
def test_sizes_are_those_of_files_that_open_again(data):
    packed = pa.Codec("zstd", compression_level=19).compress(data, asbytes=True)
    assert compression.zstd_19(data) == len(packed)
    opened = pa.Codec("zstd").decompress(packed, len(data), asbytes=True) if data else b""
    assert opened == data
    assert compression.xz_9e(data) == len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def test_break_even():
    # 16 million bits of model, 1 bit a byte saved: 16 million bytes
    assert compression.break_even(16e6, 1.0, 2.0) == pytest.approx(16.0)
    assert compression.break_even(16e6, 2.0, 2.0) is None
    assert compression.break_even(16e6, 3.0, 2.0) is None


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, EvalsConfig(bootstrap_samples=50, bits_per_parameter=8))


def pages_at(rate, count=6):
    sizes = np.full(count, len(TEXT))
    pages = [CorpusPage(f"{n}", TEXT) for n in range(count)]
    return PageBits(pages, sizes * rate, sizes, [], [])


def rows(subject, held_out, training, known=("x" * 600_000, "y" * 400_000)):
    scores = Scores()
    compression.measure(subject, held_out, training, lambda: known, scores)
    return {(row["task"], row["metric"]): row for row in scores.rows}


def test_what_is_saved_and_from_where_on(subject):
    found = rows(subject, pages_at(0.01), pages_at(0.005))
    parameters = sum(p.numel() for p in subject.model.parameters())
    size = found["model_size", "megabytes"]["value"]
    assert size == pytest.approx(parameters / 1e6)
    text = "\n".join([TEXT] * 6).encode()
    rate = 8 * compression.zstd_19(text) / len(text)
    assert found["held_out/zstd_19", "bits_per_byte"]["value"] == rate
    assert found["held_out/saved_over_zstd_19", "share"]["value"] == pytest.approx(1 - 0.01 / rate)
    length = found["held_out/break_even_with_zstd_19", "megabytes"]["value"]
    # both sides of the balance weigh the same at that length
    assert length * rate / 8 == pytest.approx(size + length * 0.01 / 8)
    known = found["training/known_beyond_xz_9e", "megabytes"]["value"]
    xz = found["training/xz_9e", "bits_per_byte"]["value"]
    assert known == pytest.approx((xz - 0.005) / 8)


def test_an_archiver_that_has_the_training_text_needs_less(subject):
    found = rows(subject, pages_at(0.01), pages_at(0.005), ("An opening.", TEXT, "Something else."))
    told = found["held_out/xz_after_training_text", "bits_per_byte"]["value"]
    assert 0 < told < 0.5 * found["held_out/xz_9e", "bits_per_byte"]["value"]
    # The archiver's parcel has the training text in it, compressed: the two weigh the same there.
    text = "\n".join([TEXT] * 6).encode()
    known = "\n".join(("An opening.", TEXT, "Something else.")).encode()
    _, before = compression.xz_after(text, known)
    length = found["held_out/break_even_with_xz_after_training_text", "megabytes"]["value"]
    size = found["model_size", "megabytes"]["value"]
    assert length * told / 8 + before / 1e6 == pytest.approx(size + length * 0.01 / 8)


@settings(max_examples=5)
@given(st.binary(min_size=1, max_size=3000), st.binary(min_size=1, max_size=3000))
def test_what_is_known_is_paid_by_nobody(known, data):
    alone, nothing = compression.xz_after(data, b"")
    more, before = compression.xz_after(data, known)
    assert more <= alone + 64  # blocks of a container
    assert nothing < before <= len(known) + 100
    assert compression.xz_after(data, data)[0] <= alone + 16


@given(st.lists(st.text(max_size=9), max_size=9), st.integers(0, 60))
def test_known_text_ends_at_its_limit(texts, most):
    whole = "\n".join(texts).encode("utf-8")
    assert compression.first_bytes(texts, most) == whole[: max(0, most)].removesuffix(b"\n") or (
        whole.startswith(compression.first_bytes(texts, most))
    )
    assert len(compression.first_bytes(texts, most)) <= most


def test_a_model_that_saves_nothing_never_breaks_even(subject):
    found = rows(subject, pages_at(5.0), pages_at(5.0))
    assert found["held_out/break_even_with_xz_9e", "megabytes"]["value"] is None
    assert found["held_out/saved_over_xz_9e", "share"]["value"] < 0
    assert found["training/known_beyond_xz_9e", "megabytes"]["value"] < 0


def test_without_pages_there_is_only_the_size(subject):
    nothing = PageBits([], np.empty(0), np.empty(0), [], [])
    assert list(rows(subject, nothing, nothing)) == [("model_size", "megabytes")]
