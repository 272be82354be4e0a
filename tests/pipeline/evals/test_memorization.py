"""Passages are counted exactly, drawn by their content, and only exact words count as recited."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evals import memorization, page_bits
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.page_bits import CorpusPage
from pipeline.model.engine import Completion, Engine
from storage.errors import UserError

CONFIG = EvalsConfig(prefix_tokens=4, continuation_tokens=3, passages=50, seen_counts=(1, 2, 5))
documents = st.lists(st.lists(st.integers(0, 3), max_size=14).map(np.array), max_size=8)


def ints(found):
    return [np.array(ids, dtype=np.int64) for ids in found]


@given(documents, st.integers(1, 4))
def test_equal_windows_have_equal_hashes_and_others_have_not(found, length):
    names = np.random.default_rng(0).integers(0, 1 << 64, 4, np.uint64)
    hashes, windows = [], []
    for ids in ints(found):
        hashes += memorization.window_hashes(ids, length, names).tolist()
        windows += [tuple(ids[i : i + length]) for i in range(len(ids) - length + 1)]
    assert len(hashes) == len(windows)
    assert len(dict.fromkeys(hashes)) == len(dict.fromkeys(windows))
    assert dict(zip(windows, hashes)) == dict(zip(reversed(windows), reversed(hashes)))


@given(documents, documents)
def test_counts_are_those_of_a_plain_count(seen, unseen):
    seen, unseen, length = ints(seen), ints(unseen), 3
    windows = Counter(
        tuple(ids[i : i + length].tolist()) for ids in seen for i in range(len(ids) - length + 1)
    )
    drawn = memorization.draw(seen, unseen, length, (1, 2, 4), 100, seed=0)
    assert list(drawn) == ["not_seen", "seen_1", "seen_2_to_3", "seen_4_or_more"]
    for name, passages in drawn.items():
        for one, other in itertools.combinations(passages, 2):
            assert one.page != other.page or abs(one.start - other.start) >= length
        for p in passages:
            source = unseen if name == "not_seen" else seen
            window = tuple(source[p.page][p.start : p.start + length].tolist())
            assert windows[window] == p.count
            low, high = {"not_seen": (0, 0), "seen_1": (1, 1), "seen_2_to_3": (2, 3)}.get(
                name, (4, 10**9)
            )
            assert low <= p.count <= high
    once = {i for i, ids in enumerate(seen) if any(windows[w] == 1 for w in _windows(ids, length))}
    assert bool(drawn["seen_1"]) == bool(once)


def _windows(ids, length):
    return [tuple(ids[i : i + length].tolist()) for i in range(len(ids) - length + 1)]


def test_a_draw_of_some_takes_all_copies_of_each(monkeypatch):
    monkeypatch.setattr(memorization, "DRAWN", 50)
    generator = np.random.default_rng(3)
    seen = [generator.integers(0, 12, 40) for _ in range(40)]
    drawn = memorization.draw(seen, [], 2, (1, 2, 8, 16), 1000, seed=1)
    windows = Counter(w for ids in seen for w in _windows(ids, 2))
    chosen = [p for passages in drawn.values() for p in passages]
    assert 0 < len(chosen) < len(windows)
    for p in chosen:
        assert windows[tuple(seen[p.page][p.start : p.start + 2].tolist())] == p.count


def test_bucket_names():
    assert memorization.bucket_name(1, 2) == "seen_1"
    assert memorization.bucket_name(2, 5) == "seen_2_to_4"
    assert memorization.bucket_name(64, None) == "seen_64_or_more"


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, CONFIG)


def test_reciting_is_counted_by_times_seen(subject, monkeypatch):
    often = "Rain fell on the old mill by the river while nine men slept. "
    digits = [f"{np.random.default_rng(n).integers(10**17)}" for n in range(8)]
    train = [CorpusPage(f"{n}", often + number) for n, number in enumerate(digits)]
    validation = [CorpusPage("v", "Nobody at Wick ever saw such a tall blue lamp before Monday.")]
    tokenizer = subject.tokenizer
    known = tokenizer.encode(often)

    def generate(self, prompts, *, max_new_tokens, temperature):
        """Knows what stands on every page, and nothing else."""
        assert temperature == 0.0
        said = []
        for ids in prompts:
            at = [i for i in range(len(known)) if known[i : i + len(ids)] == ids]
            tokens = known[at[0] + len(ids) :][:max_new_tokens] if at else [1] * max_new_tokens
            said.append([Completion(tokens, [0.0] * len(tokens), False)])
        return said

    monkeypatch.setattr(Engine, "generate", generate)
    scores = Scores()
    memorization.measure(subject, train, validation, scores)
    shares = {row["task"]: (row["value"], row["n"]) for row in scores.rows}
    assert shares["not_seen"][0] == shares["seen_1"][0] == 0.0
    assert shares["seen_5_or_more"][0] == 1.0
    assert min(n for _, n in shares.values()) > 1
    assert {row["metric"] for row in scores.rows} == {"recited"}
    for sample in scores.samples:
        assert sample["correct"] == (sample["completion"] == sample["expected"])


def test_a_real_model_and_a_byte_limit(subject, post_training):
    train = list(page_bits.Pages(post_training.corpus, "train"))
    validation = page_bits.Pages(post_training.corpus, "validation")
    scores = Scores()
    memorization.measure(subject, train, validation, scores)
    assert {"not_seen", "seen_1", "seen_5_or_more"} <= {row["task"] for row in scores.rows}
    assert memorization._texts(train, 1) == [train[0].text]
    assert len(memorization._texts(train, 10**9)) == len(train)


def test_impossible_lengths_are_said(subject):
    config = EvalsConfig(prefix_tokens=200, continuation_tokens=100)
    wrong = Subject(subject.model, subject.tokenizer, config)
    with pytest.raises(UserError, match="context of 192"):
        memorization.measure(wrong, [CorpusPage("a", "text")], [], Scores())


def test_nothing_to_recite_leaves_no_row(subject):
    scores = Scores()
    memorization.measure(subject, [], [CorpusPage("v", "a")], scores)
    assert scores.rows == []
