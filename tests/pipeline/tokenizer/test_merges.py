"""The chain of merges of a token is what encoding does with its bytes."""

from pathlib import Path

import pytest
from toy_artifacts import toy_pages

from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.merges import LearnedMerges
from storage.errors import UserError


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    plain = tokenizer_training.train(iter(toy_pages(60)), TokenizerConfig(vocab_size=400))
    return plain.with_conversation_tokens()


def test_every_token_comes_from_its_bytes(tokenizer: Tokenizer) -> None:
    learned = LearnedMerges(tokenizer)
    controls = {*tokenizer.special_tokens.values()}
    several = 0
    for token, raw in enumerate(tokenizer.token_bytes):
        steps = learned.steps(token)
        if token in controls or len(raw) == 1:
            assert steps == []
            continue
        several += 1
        assert len(steps) == len(raw) - 1
        before = [bytes([byte]) for byte in raw]
        for step in steps:
            at = step.at
            assert step.pieces[at] == before[at] + before[at + 1]
            assert [*step.pieces[:at], *step.pieces[at + 1 :]] == before[:at] + before[at + 2 :]
            before = [*step.pieces]
        assert before == [raw]
        ranks = [step.rank for step in steps]
        assert max(ranks) == ranks[-1]  # the token's own merge is the last that was learned
    assert several > 100


def test_pairs_as_older_files_write_them(tokenizer: Tokenizer) -> None:
    learned = LearnedMerges(tokenizer)
    again = LearnedMerges(tokenizer)
    again._pairs = [tuple(" ".join(pair).split(" ", 1)) for pair in learned._pairs]
    token = len(tokenizer.token_bytes) - 20
    assert again.steps(token) == learned.steps(token)


@pytest.mark.parametrize("token", [-1, 10**9])
def test_tokens_that_are_not_there(tokenizer: Tokenizer, token: int) -> None:
    with pytest.raises(UserError, match=f"no token {token}"):
        LearnedMerges(tokenizer).steps(token)


def test_another_kind_of_tokenizer(tmp_path: Path) -> None:
    import tokenizers

    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, "a"))

    class Words:
        def to_json(self) -> str:
            return str(words.to_str())

    with pytest.raises(UserError, match="WordLevel has no merges"):
        LearnedMerges(Words())  # type: ignore[arg-type]
