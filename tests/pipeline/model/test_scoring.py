"""Scores against one plain forward pass a pair, with and without the C kernels."""

import pytest
import torch

from pipeline.model import native, scoring
from pipeline.model.scoring import score
from storage.errors import UserError

CONTEXT = [3, 5, 5, 9, 1, 2, 30, 31, 32, 33, 34, 35]
PAIRS = [
    (CONTEXT, [4, 6]), (CONTEXT, [4, 7, 8]), (CONTEXT, [60]), ([1], [2, 3]), (CONTEXT, []),
    (list(range(64)), [5, 6, 7]), ([*CONTEXT, 4], [6]),
]  # fmt: skip


def plain(model, context, continuation):
    if not continuation:
        return 0.0, True
    tokens = (context + continuation)[-(model.config.max_context + 1) :]
    with torch.no_grad():
        table = model(torch.tensor([tokens[:-1]]))[0].log_softmax(-1)[-len(continuation) :]
    logprob = sum(float(row[token]) for row, token in zip(table, continuation))
    return logprob, table.argmax(-1).tolist() == continuation


@pytest.mark.parametrize("head_dim", [8, 32])  # 32: by the kernels, where they are built
@pytest.mark.parametrize("tokens", [1, 40, 8192])
def test_scores_equal_a_plain_forward(make_model, head_dim, tokens, monkeypatch):
    monkeypatch.setattr(scoring, "MAX_LOGITS", 130)  # two places at a time
    model = make_model(head_dim=head_dim)
    greedy: list[int] = []
    for _ in range(3):  # what greedy says after a context must be marked as greedy
        with torch.no_grad():
            greedy.append(int(model(torch.tensor([CONTEXT + greedy]))[0, -1].argmax()))
    pairs = [*PAIRS, (CONTEXT, greedy)]
    results = score(model, *map(list, zip(*pairs)), tokens_per_batch=tokens)
    for (got, said), pair in zip(results, pairs):
        expected, greedily = plain(model, *pair)
        assert got == pytest.approx(expected, abs=2e-4)
        assert said is greedily
    assert results[-1][1]
    assert not all(said for _, said in results)


def test_int8_stays_near(make_model):
    model = make_model(head_dim=32)
    if native.kernels(model) is None:
        pytest.skip("this processor doesn't multiply int8")
    sides = list(map(list, zip(*PAIRS)))
    exact, near = score(model, *sides), score(model, *sides, int8=True)
    assert [a[0] for a in near] == pytest.approx([a[0] for a in exact], abs=0.5)
    assert near != exact


@pytest.mark.parametrize(
    ("context", "continuation", "said"),
    [([], [1], "empty"), ([1], [1] * 65, "shorten"), ([64], [1], "token ids")],
)
def test_bad_pairs_are_named(make_model, context, continuation, said):
    with pytest.raises(UserError, match=said):
        score(make_model(), [context], [continuation])


def test_nothing_to_score(make_model):
    assert score(make_model(), [], []) == []
