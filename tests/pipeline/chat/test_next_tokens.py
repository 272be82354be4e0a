"""Steps of a page are those that `complete` writes, with the model's own probabilities."""

import math
from typing import Any

import pytest
import torch

from pipeline.chat import next_tokens, streaming
from pipeline.model.engine import Engine
from storage.errors import UserError

TEXT = "Ada Abel was born in"


@pytest.mark.parametrize(("temperature", "top_k"), [(0.0, 0), (0.9, 5)])
def test_steps_write_the_same_page(chat_model, temperature, top_k):
    model, tokenizer = chat_model
    options: dict[str, Any] = {
        "max_new_tokens": 30,
        "temperature": temperature,
        "top_k": top_k,
        "seed": 4,
    }
    engine = Engine(model, frozen=True)
    page = "".join(streaming.complete(engine, tokenizer, TEXT, **options))
    steps = list(next_tokens.complete(engine, tokenizer, TEXT, top=3, **options))
    tokens = [step.token for step in steps if step.token not in tokenizer.stop_tokens]
    assert tokenizer.decode(tokens) == page
    assert len(tokens) > 5


def test_probabilities_are_the_models_own_whatever_is_drawn_with(chat_model):
    """At temperature 1, nothing left out: against the logits of a plain forward pass."""
    model, tokenizer = chat_model
    options: dict[str, Any] = {"max_new_tokens": 12, "temperature": 1.7, "top_k": 3, "seed": 1}
    engine = Engine(model, frozen=True)
    ids = streaming.page_prompt(engine, tokenizer, TEXT)
    for step in next_tokens.complete(engine, tokenizer, TEXT, top=4, **options):
        with torch.inference_mode():
            logits = model(torch.tensor([ids]))[0, -1]
        expected = torch.log_softmax(logits.float(), -1)
        best = expected.topk(4)
        assert step.logprob == pytest.approx(float(expected[step.token]), abs=1e-4)
        assert list(step.likely) == best.indices.tolist()
        assert list(step.likely.values()) == pytest.approx(best.values.tolist(), abs=1e-4)
        assert sum(map(math.exp, step.likely.values())) < 1
        ids = [*ids, step.token]


def test_who_has_seen_enough_leaves_no_row_behind(chat_model):
    model, tokenizer = chat_model
    engine = Engine(model, frozen=True)
    steps = next_tokens.complete(engine, tokenizer, TEXT, top=1, max_new_tokens=50)
    next(steps)
    steps.close()
    with engine.talk() as batch:
        assert not batch.active


def test_a_text_too_long_is_refused(chat_model):
    model, tokenizer = chat_model
    with pytest.raises(UserError, match="shorten it"):
        next(next_tokens.complete(Engine(model), tokenizer, "word " * 300, top=1))
