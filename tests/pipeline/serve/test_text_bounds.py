"""What is refused by its length alone could never have fitted; all that fits is let through."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_models import byte_tokenizer
from tool_model import tool_model  # noqa: F401

from pipeline.model import load
from pipeline.serve.api_errors import ApiError
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.text_bounds import check_count, check_length
from pipeline.tokenizer import Tokenizer


def served(tokenizer: Tokenizer, context: int) -> Any:
    """As much of a served model as lengths are about."""
    loop: Any = SimpleNamespace(context=context)
    return ServedModel("x", None, tokenizer, loop, 0, Path())  # type: ignore[arg-type]


@given(st.lists(st.text(max_size=40), max_size=6), st.integers(1, 20))
def test_what_fits_is_let_through(texts: list[str], context: int) -> None:
    tokenizer = byte_tokenizer()
    if sum(len(tokenizer.encode(text)) for text in texts) <= context:
        check_length(texts, served(tokenizer, context), "messages")


def test_the_longest_tokens_fit_and_what_is_far_beyond_does_not(
    tool_model: Path,  # noqa: F811
) -> None:
    tokenizer = load(tool_model)[1]
    longest = max(tokenizer.token_bytes, key=len).decode()
    assert len(longest) > 5
    model = served(tokenizer, 10)
    check_length([longest] * 10, model, "prompt")
    with pytest.raises(ApiError) as raised:
        check_length(["x" * (4 * 10 * len(longest)), "x"], model, "prompt")
    assert (raised.value.param, raised.value.code) == ("prompt", "context_length_exceeded")


def test_each_message_takes_a_token() -> None:
    model = served(byte_tokenizer(), 10)
    fits: tuple[object, ...] = ([{}] * 10, None, "x" * 100)
    for fine in fits:
        check_count(fine, model, "messages")
    with pytest.raises(ApiError, match="messages: 11 of them are more than"):
        check_count([{}] * 11, model, "messages")
