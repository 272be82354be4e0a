"""What the model makes of pages: bits and bytes of each, by group, and what is read."""

import math
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import model as models
from pipeline.corpus.read import corpus_batches
from pipeline.evals import bits_per_byte_suite, page_bits
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.page_bits import CorpusPage, PageBits
from pipeline.training.bits_per_byte import measure as measure_documents

CONFIG = EvalsConfig(bootstrap_samples=50, domains=2)


def measured(hosts, languages=None):
    found = [
        CorpusPage(f"{n}", "x" * 10, host, language)
        for n, (host, language) in enumerate(zip(hosts, languages or ["en"] * len(hosts)))
    ]
    bits = np.arange(1.0, len(found) + 1)
    tokens = [np.zeros(10, dtype=np.int64)] * len(found)
    return PageBits(
        found, bits, np.full(len(found), 10), tokens, [np.full(10, b / 10) for b in bits]
    )


def test_pages_are_split_and_hosts_may_be_unknown(post_training):
    train = list(page_bits.Pages(post_training.corpus, "train"))
    validation = list(page_bits.Pages(post_training.corpus, "validation"))
    assert len(train) == 220
    assert len(validation) == 20
    assert {page.host for page in train} == {""}


def test_pages_are_chosen_in_the_order_of_their_ids_up_to_limits():
    found = [CorpusPage(f"{n}", text) for n, text in ((3, "c" * 9), (1, "é" * 5), (2, ""))]
    assert [page.id for page in page_bits.choose(found, 9, 1000)] == ["1", "3"]
    assert [page.id for page in page_bits.choose(found, 1, 1000)] == ["1"]
    assert [page.id for page in page_bits.choose(found, 9, 10)] == ["1"]
    assert [page.id for page in page_bits.choose(found, 9, 11)] == ["1", "3"]


@given(
    st.lists(st.tuples(st.integers(0, 99), st.text(max_size=6)), unique_by=lambda page: page[0]),
    st.none() | st.integers(0, 9),
    st.integers(0, 40),
)
def test_what_is_chosen_is_the_beginning_of_all_pages_by_id(made, documents, max_bytes):
    found = [CorpusPage(f"{number:02}", text) for number, text in made]
    expected: list[CorpusPage] = []
    for page in sorted((p for p in found if p.text), key=lambda p: p.id)[:documents]:
        if sum(len(p.text.encode()) for p in expected) < max_bytes:
            expected.append(page)
    assert page_bits.choose(iter(found), documents, max_bytes) == expected


def test_pages_are_never_all_in_memory(post_training, monkeypatch):
    held = []

    def batches(corpus, columns, batch_rows=1_000):
        for batch in corpus_batches(corpus, columns, 7):
            held.append(weakref.ref(batch))
            assert sum(ref() is not None for ref in held) <= 2
            yield batch

    monkeypatch.setattr(page_bits, "corpus_batches", batches)
    train = page_bits.Pages(post_training.corpus, "train")
    assert sum(1 for _ in train) == sum(1 for _ in train.texts()) == 220  # twice, from the start
    assert len(held) > 20


def test_texts_end_with_the_one_that_passes_the_limit(post_training):
    train = page_bits.Pages(post_training.corpus, "train")
    first, second = [page.text for page in train][:2]
    limit = len(first.encode("utf-8"))
    assert list(train.texts(limit)) == [first]
    assert list(train.texts(limit + 1)) == [first, second]


def test_bits_are_those_of_the_documents(post_training):
    model, tokenizer = models.load(post_training.base)
    validation = list(page_bits.Pages(post_training.corpus, "validation"))
    found = page_bits.measure(Subject(model, tokenizer, CONFIG), validation)
    documents = [np.array([0, *tokenizer.encode(page.text)]) for page in validation]
    expected = measure_documents(model, documents, tokenizer.token_bytes, model.config.max_context)
    assert found.bits.sum() * math.log(2) == pytest.approx(expected.nats.sum())
    assert found.bytes.tolist() == [len(page.text.encode()) for page in validation]
    assert found.bits_per_byte == pytest.approx(expected.bits_per_byte)
    for page, ids, bits, total in zip(validation, found.tokens, found.token_bits, found.bits):
        assert tokenizer.decode(ids.tolist()) == page.text
        assert len(ids) == len(bits)
        assert (bits > 0).all()
        assert bits.sum() == pytest.approx(total)


def test_the_row_holds_its_value_within_the_interval():
    row = measured(["a"] * 20).row("s", "t", 100, 0)
    assert row["value"] == pytest.approx(210 / 200)
    assert row["low"] < row["value"] < row["high"]
    assert row["n"] == 20


def test_domains_are_the_largest_groups_and_the_others():
    hosts = ["big"] * 12 + ["small"] * 7 + ["tiny"] * 6 + ["rare"] * 4 + [""] * 5
    scores = Scores()
    bits_per_byte_suite.by_domain(measured(hosts), CONFIG, scores)
    counts = {row["task"]: row["n"] for row in scores.rows}
    assert counts == {
        "language/en": 34,
        "host/big": 12,
        "host/small": 7,
        "host/others": 15,
    }
    total = 0.0
    for row in scores.rows:
        if "host" in row["task"]:
            assert row["value"] is not None
            total += row["value"] * row["n"]
    assert total / 34 == pytest.approx(measured(hosts).bits_per_byte)


def test_what_training_holds_too_is_told_from_what_is_new(post_training):
    """Two sentences a page, one of them known: only the other counts as new."""
    model, tokenizer = models.load(post_training.base)
    config = EvalsConfig(bootstrap_samples=50, overlap_tokens=6)
    subject = Subject(model, tokenizer, config)
    known = "the miller grinds the corn of the whole valley in one night"
    texts = [f"Zebras {n} quickly jumped over boxing wizards. Then {known}" for n in range(4)]
    found = page_bits.measure(subject, [CorpusPage(f"{n}", text) for n, text in enumerate(texts)])
    training = ["Nothing of it.", f"It is said that {known}, and more."]
    seen = bits_per_byte_suite.seen_tokens(found.tokens, training, subject)
    for ids, marks in zip(found.tokens, seen):
        said = tokenizer.decode(ids[marks].tolist())
        assert known.endswith(said.strip())
        assert len(said) > len(known) / 2
        assert not marks[:6].any()
    scores = Scores()
    bits_per_byte_suite.measure(found, training, subject, scores)
    assert [row["task"] for row in scores.rows] == ["new_passages", "new_passages", "validation"]
    new, share, whole = scores.rows
    kept = [~marks for marks in seen]
    sizes = page_bits.byte_lengths(subject)
    bytes_ = sum(int(sizes[ids][k].sum()) for ids, k in zip(found.tokens, kept))
    bits = sum(float(b[k].sum()) for b, k in zip(found.token_bits, kept))
    assert new["value"] == pytest.approx(bits / bytes_)
    assert share["value"] == pytest.approx(bytes_ / found.bytes.sum())
    assert whole["value"] == pytest.approx(found.bits_per_byte)
    # Where all is new, both are one figure.
    scores = Scores()
    bits_per_byte_suite.measure(found, ["Nothing of it."], subject, scores)
    assert scores.rows[0]["value"] == pytest.approx(found.bits_per_byte)
    assert scores.rows[1]["value"] == 1.0


def test_nothing_to_group_leaves_no_row(chat_model):
    scores = Scores()
    bits_per_byte_suite.by_domain(measured(["a", "b"], ["", ""]), CONFIG, scores)
    nothing = PageBits([], np.empty(0), np.empty(0), [], [])
    model, tokenizer = chat_model
    bits_per_byte_suite.measure(nothing, [], Subject(model, tokenizer, CONFIG), scores)
    assert scores.rows == []
