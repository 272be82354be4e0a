"""Fixtures of the tests of tools."""

from toy_artifacts import (  # noqa: F401
    chat_tokenizer,
    post_training,
    toy_names,
)
