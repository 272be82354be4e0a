"""Fixtures of the tests of tools."""

from tool_model import tool_model  # noqa: F401
from toy_artifacts import (  # noqa: F401
    chat_tokenizer,
    post_training,
    toy_names,
)
