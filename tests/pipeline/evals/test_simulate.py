"""Pages are cut and gone on with; going round in circles is counted."""

import pytest

from pipeline.evals import page_bits, simulate
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import EvalsConfig
from pipeline.evals.page_bits import CorpusPage
from pipeline.model.engine import Completion, Engine

CONFIG = EvalsConfig(page_prefix_tokens=8, page_tokens=24, simulated_pages=5, bootstrap_samples=50)


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    return Subject(model, tokenizer, CONFIG)


@pytest.mark.parametrize(
    ("text", "repeated", "grams"),
    [
        ("a b c", 0, 0),
        ("a b c d", 0, 1),
        ("a b c d a b c d", 1, 5),
        ("a a a a a a", 2, 3),
    ],
)
def test_repeated_grams(text, repeated, grams):
    assert simulate.repeated_grams(text) == (repeated, grams)


def test_a_page_and_its_simulation_stand_side_by_side(subject, post_training):
    validation = page_bits.Pages(post_training.corpus, "validation")
    scores = Scores()
    simulate.measure(subject, validation, scores)
    assert {row["task"] for row in scores.rows} <= {"model", "held_out_pages"}
    (truth,) = [row for row in scores.rows if row["task"] == "held_out_pages"]
    assert truth["low"] is not None
    assert truth["value"] is not None
    assert truth["high"] is not None
    assert truth["low"] <= truth["value"] <= truth["high"]
    tokenizer = subject.tokenizer
    texts = [page.text for page in sorted(validation, key=lambda page: page.id)]
    assert len(scores.samples) == 5
    for sample, text in zip(scores.samples, texts):
        ids = tokenizer.encode(text)
        assert sample["prompt"] == tokenizer.decode(ids[:8])
        assert sample["expected"] == tokenizer.decode(ids[8:32])
        assert sample["correct"] is None


def test_going_round_in_circles_shows(subject, monkeypatch):
    loop = subject.tokenizer.encode(" one two three four five") * 9
    monkeypatch.setattr(
        Engine,
        "generate",
        lambda self, prompts, **_: [[Completion(loop, [0.0] * len(loop), False)] for _ in prompts],
    )
    scores = Scores()
    text = " ".join(f"w{n} Hale" for n in range(60))
    simulate.measure(subject, [CorpusPage("a", text)], scores)
    shares = {row["task"]: row["value"] for row in scores.rows}
    assert shares["model"] is not None
    assert shares["model"] > 0.8
    assert shares["held_out_pages"] == 0.0


def test_pages_too_short_to_cut_leave_no_row(subject):
    scores = Scores()
    simulate.measure(subject, [CorpusPage("a", "Too short.")], scores)
    assert scores.rows == scores.samples == []
