"""Greedy coordinate search: slopes against autograd, and whether it finds what there is."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from random_models import random_model

from pipeline.evals import coordinate_search
from pipeline.evals.coordinate_search import SearchSettings, _Around, search

VOCABULARY = 258
BEFORE, AFTER, TARGET = [7, 1, 99], [3, 250], [40, 41]
ANY = torch.ones(VOCABULARY, dtype=torch.bool)


def model_of(name="qwen3", **changes):
    return random_model(name, scale=0.4, **changes).eval()


def around(model):
    with torch.no_grad():
        weights = model.cast_weights()
    return _Around(model, weights, tuple(BEFORE), tuple(AFTER), tuple(TARGET))


def sought(model, start=(5, 6, 8), is_text=lambda tokens: True, usable=ANY, steps=12, **settings):
    return search(
        model,
        BEFORE,
        start,
        AFTER,
        TARGET,
        usable=usable,
        is_text=is_text,
        settings=SearchSettings(steps, **{"candidates": 40, "top": 40, **settings}),
        seed=3,
    )


@pytest.mark.parametrize("name", ["qwen3", "qwen3 tied", "llama", "gpt2"])
def test_slopes_are_the_gradient_of_one_hot_rows(name):
    model = model_of(name)
    gap = torch.tensor([5, 6, 8])
    ids = torch.tensor([*BEFORE, 0, 0, 0, *AFTER, *TARGET[:-1]])
    one_hot = F.one_hot(gap, VOCABULARY).float().requires_grad_()
    with torch.no_grad():
        weights = model.cast_weights()
        rows = F.embedding(ids, weights.embedding)
    places = range(len(BEFORE), len(BEFORE) + 3)
    mixed = torch.cat([rows[:3], one_hot @ weights.embedding, rows[6:]])
    # A table with a row for each place: the model reads the mixed rows as they are.
    table = dataclasses.replace(weights, embedding=mixed)
    logits = table.logits(model.hidden(torch.arange(len(ids))[None], weights=table))[0, -2:].float()
    F.cross_entropy(logits, torch.tensor(TARGET)).backward()
    found = around(model).slopes(gap)
    assert found.shape == (len(places), VOCABULARY)
    assert one_hot.grad is not None
    assert torch.allclose(found, one_hot.grad, atol=1e-5)
    assert found.abs().max() > 1e-3


def test_candidates_are_judged_as_the_whole_model_would():
    model = model_of()
    gaps = torch.tensor([[5, 6, 8], [9, 9, 9]])
    losses, reached = around(model).judge(gaps)
    for gap, loss, said in zip(gaps.tolist(), losses.tolist(), reached.tolist()):
        with torch.no_grad():
            logits = model(torch.tensor([[*BEFORE, *gap, *AFTER, *TARGET]]))[0]
        places = [len(BEFORE) + 3 + len(AFTER) - 1 + n for n in range(2)]
        wanted = [-logits[at].log_softmax(-1)[t].item() for at, t in zip(places, TARGET)]
        assert loss == pytest.approx(sum(wanted) / 2, abs=1e-4)
        assert said == all(logits[at].argmax() == t for at, t in zip(places, TARGET))


def test_it_makes_the_target_more_probable_and_stops_when_the_model_says_it():
    model = model_of()
    start = float(around(model).judge(torch.tensor([[5, 6, 8]]))[0][0])
    short, found = sought(model, steps=2), sought(model, steps=60)
    assert found.loss < short.loss < start
    losses, reached = around(model).judge(torch.tensor([found.tokens]))
    assert float(losses[0]) == pytest.approx(found.loss, abs=1e-5)
    assert bool(reached[0]) == found.reached
    # What is most probable anyway is reached at once, without a step.
    with torch.no_grad():
        said = int(model(torch.tensor([[*BEFORE, 5, 6, 8, *AFTER]]))[0, -1].argmax())
    at_once = search(
        *(model, BEFORE, [5, 6, 8], AFTER, [said]),
        usable=ANY,
        is_text=lambda tokens: True,
        settings=SearchSettings(5, 10),
    )
    assert (at_once.tokens, at_once.reached, at_once.steps) == ((5, 6, 8), True, 0)


def test_it_finds_a_token_that_decides():
    """Of all tokens for one place the search finds one under which the target is said."""
    model = model_of()
    with torch.no_grad():
        said = [
            int(model(torch.tensor([[*BEFORE, t, *AFTER]]))[0, -1].argmax())
            for t in range(VOCABULARY)
        ]
    rare = min(set(said), key=lambda token: (said.count(token), token))
    found = search(
        *(model, BEFORE, [5], AFTER, [rare]),
        usable=ANY,
        is_text=lambda tokens: True,
        settings=SearchSettings(20, 100, top=258),
    )
    assert found.reached
    assert said[found.tokens[0]] == rare


def test_only_usable_tokens_that_are_a_texts_stand_in_the_gap():
    model = model_of()
    usable = torch.zeros(VOCABULARY, dtype=torch.bool)
    usable[20:90] = True
    seen = []

    def is_text(tokens):
        seen.append(list(tokens))
        return sum(tokens) % 2 == 0

    found = sought(model, (20, 22, 24), is_text, usable, steps=20)
    assert found.steps
    assert all(20 <= token < 90 for tokens in seen for token in tokens)
    assert sum(found.tokens) % 2 == 0
    stuck = sought(model, (20, 22, 24), lambda tokens: False, usable)
    assert (stuck.tokens, stuck.steps) == ((20, 22, 24), 0)


def test_the_same_seed_finds_the_same_and_each_step_is_watched():
    model, moves = model_of(), list[str]()
    assert sought(model) == sought(model)
    search(
        *(model, BEFORE, [5], AFTER, TARGET),
        usable=ANY,
        is_text=lambda tokens: True,
        settings=SearchSettings(4, 10),
        moved=moves.append,
    )
    assert moves == ["search"] * 4 + [""]


def test_what_can_not_be_searched_is_refused():
    shape = {"family": "speedrun", "ngram_rows": (64,), "ngram_width": 16}
    with pytest.raises(ValueError, match="n-grams"):
        sought(model_of(**shape))
    with pytest.raises(ValueError, match="a gap and a target"):
        sought(model_of(), ())


def test_what_is_said_comes_before_what_is_more_probable():
    losses = torch.tensor([0.5, 0.9, 0.7, 0.7])
    assert coordinate_search._best(losses, torch.tensor([False, True, True, True])) == 2
    assert coordinate_search._best(losses, torch.zeros(4, dtype=torch.bool)) == 0


def test_every_tensor_is_made_where_the_model_is(monkeypatch):
    """On a card what is made without a device would be elsewhere."""
    devices = []

    def placed(make):
        def made(*given, device, **named):
            devices.append(str(device))
            return make(*given, device=device, **named)

        return made

    own = {name: placed(getattr(torch, name)) for name in ("tensor", "arange", "randint")}
    monkeypatch.setattr(coordinate_search, "torch", SimpleNamespace(**{**vars(torch), **own}))
    assert sought(model_of(), steps=2).steps
    assert len(devices) > 10
